"""Prerequisites of a step: what must hold before it is taken. Pure.

A prerequisite that cannot be judged does not hold: a step that depends on what is unknown is skipped, with a reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from actions.model import Fleet
from actions.validation import check_number


@dataclass(frozen=True, slots=True)
class When:
    """The prerequisites of a step; None and empty ones are not asked for.

    alone_by: how far the part that is hit is ahead of its siblings, 0 to 1. siblings_healthy: share of the replicas
    that are heard of and do not alarm, 0 to 1. version_younger_than_s: since the version that the incident names was
    first seen. not_in_force: kinds of action that must not be in force for the service. http_ok: template of a URL
    that must answer with a status of 200 to 299; the executor asks it. Raises `ValueError` naming the field.
    """

    alone_by: float | None = None
    siblings_healthy: float | None = None
    version_younger_than_s: float | None = None
    not_in_force: tuple[str, ...] = ()
    http_ok: str | None = None

    def __post_init__(self) -> None:
        for name, high in (("alone_by", 1.0), ("siblings_healthy", 1.0), ("version_younger_than_s", 31 * 86_400.0)):
            if getattr(self, name) is not None:
                check_number(self, name, 0.0, high)


class Facts(Protocol):
    """What a shard knows beside the incident. Each is looked up only when a step asks for it; None is unknown."""

    def fleet(self) -> Fleet | None:
        """The replicas of the service."""

    def concentration(self) -> float | None:
        """How far the part that is hit is ahead of its siblings, 0 to 1."""

    def version_age_s(self) -> float | None:
        """Since when the version that the incident names has been seen."""

    def in_force(self) -> frozenset[str]:
        """Kinds of action that are in force for the service."""

    def record(self, playbook: str, step_id: str) -> tuple[int, int]:
        """How often the step led to a recovery, of how many times that its effect was judged."""

    def ineffective(self, playbook: str, step_id: str, since_s: float) -> int:
        """How often the step did not help this service since then."""


class Unknown:
    """The facts where nothing is known."""

    def fleet(self) -> Fleet | None:
        return None

    def concentration(self) -> float | None:
        return None

    def version_age_s(self) -> float | None:
        return None

    def in_force(self) -> frozenset[str]:
        return frozenset()

    def record(self, playbook: str, step_id: str) -> tuple[int, int]:  # noqa: ARG002 - the protocol's signature
        return 0, 0

    def ineffective(self, playbook: str, step_id: str, since_s: float) -> int:  # noqa: ARG002 - likewise
        return 0


def unmet(when: When, facts: Facts) -> str | None:
    """Why the prerequisites do not hold; None when all do. `http_ok` is up to the executor."""
    return next((reason for check in _CHECKS for reason in check(when, facts)), None)


def _alone(when: When, facts: Facts) -> Iterator[str]:
    if when.alone_by is None:
        return
    found = facts.concentration()
    if found is None or found < when.alone_by:
        yield f"alone_by is {_shown(found)}, expected {when.alone_by:g} or more"


def _siblings(when: When, facts: Facts) -> Iterator[str]:
    if when.siblings_healthy is None:
        return
    fleet = facts.fleet()
    size, healthy = (None, None) if fleet is None else (fleet.size, fleet.healthy)
    if not size or healthy is None:
        yield "siblings_healthy is unknown, since no record names a replica"
    elif healthy / size < when.siblings_healthy:
        yield f"siblings_healthy is {healthy} of {size}, expected a share of {when.siblings_healthy:g} or more"


def _young(when: When, facts: Facts) -> Iterator[str]:
    if when.version_younger_than_s is None:
        return
    age_s = facts.version_age_s()
    if age_s is None or age_s >= when.version_younger_than_s:
        shown = "unknown" if age_s is None else f"{age_s:.0f} s"
        yield f"the age of the version is {shown}, expected less than {when.version_younger_than_s:g} s"


def _not_in_force(when: When, facts: Facts) -> Iterator[str]:
    if not when.not_in_force:
        return
    found = sorted(facts.in_force() & set(when.not_in_force))
    if found:
        yield f"{', '.join(found)} is in force, expected not_in_force"


def _shown(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"


_CHECKS: tuple[Callable[[When, Facts], Iterator[str]], ...] = (_alone, _siblings, _young, _not_in_force)

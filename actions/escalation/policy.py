"""Escalation policies: the values that an operator sets. `ValueError` names the value and what was expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from classifiers.model import Category, Incident, Severity
from classifiers.verdict.hysteresis import SEVERITY_ORDER

MAX_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class EarlyIf:
    """A step is due before its time when an incident is this large: expected to take at least `expected_resolve_s` from
    its onset, or at least so many `tenants` alarm."""

    expected_resolve_s: float | None = None
    tenants: int | None = None


@dataclass(frozen=True, slots=True)
class EscalationStep:
    """One step of a round. after_s: since the round began.

    page: schedules, people or roles; who stands behind them is found out when the step is due. via: channels by name,
    empty for the default. tell: audiences. severity: the least for which the step is taken, None for any.
    """

    id: str
    after_s: float = 0.0
    page: tuple[str, ...] = ()
    via: tuple[str, ...] = ()
    tell: tuple[str, ...] = ()
    severity: Severity | None = None
    early_if: EarlyIf = field(default_factory=EarlyIf)

    def __post_init__(self) -> None:
        if not self.page and not self.tell:
            raise ValueError("page is [], expected a schedule, a person or a role, or an audience under tell")
        if self.after_s < 0.0:
            raise ValueError(f"after_s is {self.after_s}, expected 0 or more")

    def takes(self, severity: Severity) -> bool:
        """Whether the step is for incidents of a severity."""
        return self.severity is None or is_as_severe(severity, self.severity)


@dataclass(frozen=True, slots=True)
class EscalationPolicy:
    """Who is paged when. severities, categories: of the incidents that it is for, empty for all.

    grace: by severity, how long an automatic remedy may work before anybody is paged. rounds: how often the steps are
    gone through. round_after_s: from the last step of a round to the next round. fallback: the channel that is told
    when all rounds are over, None for the default one. ack_lapses_s: after which an acknowledgement no longer counts,
    even if it was given for longer. approval_after_s: how long a request for approval may wait before somebody is
    paged, None for ever.
    """

    name: str
    steps: tuple[EscalationStep, ...]
    severities: tuple[Severity, ...] = ()
    categories: tuple[Category, ...] = ()
    grace: Mapping[Severity, float] = field(default_factory=dict)
    rounds: int = 2
    round_after_s: float = 600.0
    fallback: str | None = None
    ack_lapses_s: float = 3600.0
    approval_after_s: float | None = 120.0

    def __post_init__(self) -> None:
        if not self.steps:
            raise ValueError("steps is [], expected at least one step")
        if not 1 <= self.rounds <= MAX_ROUNDS:
            raise ValueError(f"rounds is {self.rounds}, expected 1 to {MAX_ROUNDS}")
        for name in ("round_after_s", "ack_lapses_s"):
            if getattr(self, name) <= 0.0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected more than 0")
        ids = [step.id for step in self.steps]
        for index, name in enumerate(ids):
            if name in ids[:index]:
                raise ValueError(f"steps is {name!r} twice, expected ids that differ")
        times = [step.after_s for step in self.steps]
        if times != sorted(times):
            raise ValueError(f"steps is in the order {times}, expected steps in order of their time")

    def covers(self, severity: Severity) -> bool:
        """Whether incidents of this severity are escalated by themselves."""
        return not self.severities or severity in self.severities

    def fits(self, category: Category) -> bool:
        """Whether the people of this policy know about incidents of this category."""
        return not self.categories or category in self.categories


def policy_for(policies: Sequence[EscalationPolicy], incident: Incident) -> EscalationPolicy | None:
    """The first policy that is for an incident's category and severity; without one, the first for its category, by
    which only what waits for people is escalated. None where no policy is for its category."""
    fitting = [policy for policy in policies if policy.fits(incident.category)]
    covering = [policy for policy in fitting if policy.covers(incident.severity)]
    return next(iter([*covering, *fitting]), None)


def is_as_severe(severity: Severity, least: Severity) -> bool:
    """Whether a severity is at least another one.

    >>> is_as_severe("P0", "P1"), is_as_severe("P2", "P1")
    (True, False)
    """
    return SEVERITY_ORDER.index(severity) <= SEVERITY_ORDER.index(least)

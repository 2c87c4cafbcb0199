"""Playbooks: which incidents are responded to, and with which steps. Frozen values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from string import Formatter
from typing import Literal, get_args

from actions.model import Mode
from actions.validation import check_number
from classifiers.model import Category, Incident, Severity

ScopeKind = Literal["replica", "version", "tenant", "all"]
TARGET_FIELDS = ("service", "model", "version", "replica", "tenant")
REVERSIBLE = frozenset({
    "circuit_breaker", "throttle", "token_cap", "traffic", "litellm_block", "litellm_limits", "scale", "route_weight",
    "feature_flag", "index_switch", "cache_version", "webhook", "notify",
})
"""Kinds that can be undone. The catalogue's actions declare the same; the conformance suite compares."""


@dataclass(frozen=True, slots=True)
class Match:
    """Which incidents a playbook is for. An empty tuple matches all.

    severities: compared with the peak severity, so that an incident that becomes milder keeps its playbook. scopes: a
    part of the fleet matches if the incident names one; `all` matches if it names none. service: a glob,
    case-sensitive. Raises `ValueError` naming the field.
    """

    categories: tuple[Category, ...] = ()
    severities: tuple[Severity, ...] = ()
    scopes: tuple[ScopeKind, ...] = ()
    service: str = "*"

    def __post_init__(self) -> None:
        for name, values, choices in (
            ("categories", self.categories, get_args(Category)), ("severities", self.severities, get_args(Severity)),
            ("scopes", self.scopes, get_args(ScopeKind)),
        ):
            for value in values:
                if value not in choices:
                    raise ValueError(f"Match.{name}: {value!r}, expected one of {', '.join(choices)}")

    def fits(self, incident: Incident) -> bool:
        """Whether the incident matches."""
        return (
            (not self.categories or incident.category in self.categories)
            and (not self.severities or incident.peak_severity in self.severities)
            and (not self.scopes or any(_named(incident, scope) for scope in self.scopes))
            and fnmatchcase(incident.service, self.service)
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a playbook. target: a template of `{service}`, `{model}`, `{version}`, `{replica}`, `{tenant}`.
    params: passed to the action. wait_s: how long to wait for recovery before the next step, 0 to a day. mode:
    overrides the playbook's. keep: do not undo it when the incident resolves. Raises `ValueError` naming the field.
    """

    kind: str
    target: str
    params: Mapping[str, str | float | bool | None] = field(default_factory=dict)
    wait_s: float = 60.0
    mode: Mode | None = None
    keep: bool = False

    def __post_init__(self) -> None:
        if not self.kind:
            raise ValueError(f"Step.kind: {self.kind!r}, expected the name of an action")
        check_template("Step.target", self.target, TARGET_FIELDS)
        check_number(self, "wait_s", 0.0, 86_400.0)
        _check_mode("Step.mode", self.mode, optional=True)


@dataclass(frozen=True, slots=True)
class Playbook:
    """A named, versioned list of steps. expires_after_s: life of each decision but an undo, 1 s
    to a day. Raises `ValueError`.
    """

    name: str
    version: int
    match: Match
    mode: Mode
    steps: tuple[Step, ...]
    expires_after_s: float = 120.0

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError(f"Playbook.name: {self.name!r}, expected a name")
        check_number(self, "version", 1, 1_000_000)
        check_number(self, "expires_after_s", 1.0, 86_400.0)
        _check_mode("Playbook.mode", self.mode, optional=False)
        if not 1 <= len(self.steps) <= 16:
            raise ValueError(f"Playbook.steps: {len(self.steps)} steps in {self.name!r}, expected 1 to 16")


def render(template: str, values: Mapping[str, str | None]) -> str | None:
    """Fill in a template; None if it needs a value that is not known.

    >>> render("{service}/{replica}", {"service": "chat", "replica": "r0"})
    'chat/r0'
    >>> render("{service}/{replica}", {"service": "chat", "replica": None}) is None
    True
    """
    known = {name: value for name, value in values.items() if value is not None}
    return template.format_map(known) if placeholders(template) <= known.keys() else None


def unrender(template: str, target: str) -> dict[str, str] | None:
    """The values that a target was rendered from; None if it does not match this template.

    >>> unrender("{service}/{replica}", "chat/r0")
    {'service': 'chat', 'replica': 'r0'}
    """
    pattern, seen = "", set()
    for text, name, _, _ in Formatter().parse(template):
        pattern += re.escape(text)
        if name is not None:
            pattern += f"(?P={name})" if name in seen else f"(?P<{name}>[^/]+)"
            seen.add(name)
    found = re.fullmatch(pattern, target)
    return None if found is None else found.groupdict()


def placeholders(template: str) -> set[str]:
    """The names of a template's placeholders."""
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


def check_template(place: str, template: str, allowed: tuple[str, ...]) -> None:
    """Refuse a template with other placeholders than plain allowed names: `ValueError` naming place, value, expected.
    """
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"{place}: {template!r}, expected balanced braces") from error
    named = [part for part in parts if part[1] is not None]
    plain = all(name in allowed and not spec and conversion is None for _, name, spec, conversion in named)
    if not template or not plain:
        raise ValueError(f"{place}: {template!r}, expected placeholders among {', '.join(allowed)}")


def _named(incident: Incident, scope: ScopeKind) -> bool:
    named = {"replica": incident.replica, "version": incident.version, "tenant": incident.tenant}
    return all(v is None for v in named.values()) if scope == "all" else named[scope] is not None


def _check_mode(place: str, mode: str | None, *, optional: bool) -> None:
    if mode not in get_args(Mode) and not (optional and mode is None):
        raise ValueError(f"{place}: {mode!r}, expected one of {', '.join(get_args(Mode))}")

"""Playbooks: which incidents are responded to, with which steps, and who is notified beside them. Frozen values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from string import Formatter
from typing import Literal, get_args

from actions.base import MAX_TIMEOUT_S
from actions.model import ApprovalTerms, Mode, Path, UndoWhen
from actions.playbooks.prerequisites import When
from actions.validation import check_number
from classifiers.model import Category, Incident, Severity

ScopeKind = Literal["replica", "version", "tenant", "all"]
OnFailure = Literal["next", "stop"]
Order = Literal["as_written", "by_record"]
Level = Literal["defaults", "category", "service"]
MAX_STEPS = 16
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
class Verify:
    """How the effect of a step is judged: settle_s after it ran, by at least min_samples requests; within_s after it
    ran it must have helped, or the next step is due. Raises `ValueError` naming the field.
    """

    settle_s: float = 30.0
    within_s: float = 60.0
    min_samples: int = 50

    def __post_init__(self) -> None:
        check_number(self, "settle_s", 0.0, 86_400.0)
        check_number(self, "within_s", 0.0, 86_400.0)
        check_number(self, "min_samples", 1, 1_000_000)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a playbook.

    action: a kind of action. target: a template of `{service}`, `{model}`, `{version}`, `{replica}`, `{tenant}`.
    params: passed to the action. id: its name in the playbook; empty takes that of the action. when: prerequisites.
    mode: overrides the playbook's. approval: whose consent is needed; a step with it waits for people also in mode
    auto. expected_duration_s: for people to read. timeout_s: of one run, None for the action's own. retries: after a
    run that failed. undo: when its effect is taken back. hold_s: after which it is taken back in any case.
    on_failure: whether the next step is due or the ladder stops when it failed. Raises `ValueError` naming the field.
    """

    action: str
    target: str
    params: Mapping[str, str | float | bool | None] = field(default_factory=dict)
    id: str = ""
    when: When = field(default_factory=When)
    mode: Mode | None = None
    approval: ApprovalTerms | None = None
    expected_duration_s: float | None = None
    timeout_s: float | None = None
    retries: int = 1
    verify: Verify = Verify()
    undo: UndoWhen = "when_over"
    hold_s: float = 14_400.0
    on_failure: OnFailure = "next"

    def __post_init__(self) -> None:
        if not self.action:
            raise ValueError(f"Step.action: {self.action!r}, expected the name of an action")
        check_template("Step.target", self.target, TARGET_FIELDS)
        if self.when.http_ok is not None:
            check_template("Step.when", self.when.http_ok, TARGET_FIELDS)
        if not re.fullmatch(r"[A-Za-z0-9._-]{0,64}", self.id):
            raise ValueError(f"Step.id: {self.id!r}, expected letters, digits, dots and dashes, at most 64")
        _check_mode("Step.mode", self.mode, optional=True)
        check_number(self, "retries", 0, 1)
        check_number(self, "hold_s", 1.0, 7 * 86_400.0)
        for name, most_s in (("expected_duration_s", 86_400.0), ("timeout_s", MAX_TIMEOUT_S)):
            if getattr(self, name) is not None:
                check_number(self, name, 0.001, most_s)
        _check_choice("Step.undo", self.undo, get_args(UndoWhen))
        _check_choice("Step.on_failure", self.on_failure, get_args(OnFailure))
        if self.approval is not None:
            _check_approval(self.approval)

    @property
    def undo_when(self) -> UndoWhen:
        """When it is taken back; never for an action that cannot be undone."""
        return self.undo if self.action in REVERSIBLE else "never"


@dataclass(frozen=True, slots=True)
class Playbook:
    """A named, versioned ladder of steps, and who is notified beside it.

    mode: of steps that name none. expires_after_s: life of each decision but an undo and one that waits for people, 1 s
    to a day. order: `by_record` tries the step first that led to a recovery most often. on_open, on_change, on_failure,
    on_close, always: audiences to notify when the incident opens, becomes more severe, a step fails, the incident
    closes; and each time. runbook: for people. level, base_match, layers: from what the configuration merged it; both
    matches must fit. left_out: shipped steps that are not in it, and why. Raises `ValueError`.
    """

    name: str
    version: int
    match: Match
    mode: Mode
    steps: tuple[Step, ...] = ()
    expires_after_s: float = 120.0
    order: Order = "as_written"
    on_open: tuple[str, ...] = ("technical",)
    on_change: tuple[str, ...] = ()
    on_failure: tuple[str, ...] = ("page",)
    on_close: tuple[str, ...] = ("technical",)
    always: tuple[str, ...] = ()
    runbook: str = ""
    level: Level | None = None
    base_match: Match = Match()
    layers: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError(f"Playbook.name: {self.name!r}, expected a name")
        check_number(self, "version", 1, 1_000_000)
        check_number(self, "expires_after_s", 1.0, 86_400.0)
        _check_mode("Playbook.mode", self.mode, optional=False)
        _check_choice("Playbook.order", self.order, get_args(Order))
        if len(self.steps) > MAX_STEPS:
            raise ValueError(
                f"Playbook.steps: {len(self.steps)} steps in {self.name!r}, expected at most {MAX_STEPS}",
            )
        ids = step_ids([(step.id, step.action) for step in self.steps])
        repeated = next((one for place, one in enumerate(ids) if one in ids[:place]), None)
        if repeated is not None:
            raise ValueError(f"Playbook.steps: {repeated!r} twice in {self.name!r}, expected an id of its own for each")
        named = tuple(
            step if step.id else replace(step, id=name) for step, name in zip(self.steps, ids, strict=True)
        )
        object.__setattr__(self, "steps", named)

    def fits(self, incident: Incident) -> bool:
        """Whether it is for this incident."""
        return self.match.fits(incident) and self.base_match.fits(incident)


def step_ids(steps: Sequence[tuple[str, str]]) -> list[str]:
    """The ids of steps, given as id and action: an empty id becomes the name of the action, numbered from the second.

    >>> step_ids([("", "throttle"), ("tell", "notify"), ("", "throttle")])
    ['throttle', 'tell', 'throttle-2']
    """
    counts: Counter[str] = Counter()
    found = []
    for own, action in steps:
        counts[action] += not own
        found.append(own or (action if counts[action] == 1 else f"{action}-{counts[action]}"))
    return found


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


def check_template(place: str, template: str, allowed: tuple[str, ...], shown: str | None = None) -> None:
    """Refuse a template with other placeholders than plain allowed names: `ValueError` naming place, value, expected.

    shown: instead of the value, where that may be a secret.
    """
    value = repr(template) if shown is None else shown
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"{place}: {value}, expected balanced braces") from error
    named = [part for part in parts if part[1] is not None]
    plain = all(name in allowed and not spec and conversion is None for _, name, spec, conversion in named)
    if not template or not plain:
        raise ValueError(f"{place}: {value}, expected placeholders among {', '.join(allowed)}")


def _named(incident: Incident, scope: ScopeKind) -> bool:
    named = {"replica": incident.replica, "version": incident.version, "tenant": incident.tenant}
    return all(v is None for v in named.values()) if scope == "all" else named[scope] is not None


def _check_mode(place: str, mode: str | None, *, optional: bool) -> None:
    if mode not in get_args(Mode) and not (optional and mode is None):
        raise ValueError(f"{place}: {mode!r}, expected one of {', '.join(get_args(Mode))}")


def _check_choice(place: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{place}: {value!r}, expected one of {', '.join(choices)}")


def _check_approval(terms: ApprovalTerms) -> None:
    if not terms.roles:
        raise ValueError("Step.approval: no roles, expected at least one")
    if not 1 <= terms.count <= 10:
        raise ValueError(f"Step.approval: count {terms.count!r}, expected a count from 1 to 10")
    if not 10.0 <= terms.expires_after_s <= 86_400.0:
        raise ValueError(f"Step.approval: expires_after {terms.expires_after_s:g} s, expected 10 s to a day")
    for path in terms.via:
        _check_choice("Step.approval", path, get_args(Path))

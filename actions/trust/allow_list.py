"""The executor's own list of what it may do: kinds, targets, versions, parameters, and the least consent for each.

It is a file of the executor's machine and no part of the configuration that decides, so whoever can change playbooks or
write intents cannot widen it. Without a list, every configured kind is allowed. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from actions.model import OF_DECISION, ApprovalTerms, Intent

Value = str | float | bool | None


@dataclass(frozen=True, slots=True)
class ParamBound:
    """What a parameter may be: a number within bounds, or one of some values. Without any of these it may be anything.

    Raises `ValueError` for bounds that no number is within.
    """

    min: float | None = None
    max: float | None = None
    one_of: tuple[str | float | bool, ...] = ()

    def __post_init__(self) -> None:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"ParamBound.min: {self.min!r}, expected at most max ({self.max!r})")

    def fault(self, value: Value) -> str | None:
        """What was expected instead of a value; None where the value is allowed."""
        if self.one_of and value not in self.one_of:
            return f"one of {', '.join(map(repr, self.one_of))}"
        if self.min is None and self.max is None:
            return None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        low = -float("inf") if self.min is None else self.min
        high = float("inf") if self.max is None else self.max
        return None if is_number and low <= float(value or 0.0) <= high else f"a number from {low:g} to {high:g}"


@dataclass(frozen=True, slots=True)
class Allowed:
    """One line of the list. targets, versions: shell patterns, of which one must match.

    versions: of the intent, where it names one. params: the parameters that are allowed; None for any, with any value.
    approval: the least consent, whatever the playbook says; None for none.
    """

    kind: str
    targets: tuple[str, ...] = ("*",)
    versions: tuple[str, ...] = ("*",)
    params: Mapping[str, ParamBound] | None = None
    approval: ApprovalTerms | None = None

    def fault(self, intent: Intent) -> str | None:
        """Why this line does not allow an intent of its kind; None where it does."""
        if not _matches(intent.target, self.targets):
            return f"target {intent.target!r}, expected {' or '.join(self.targets)}"
        if intent.version is not None and not _matches(intent.version, self.versions):
            return f"version {intent.version!r}, expected {' or '.join(self.versions)}"
        if self.params is None:
            return None
        for name, value in intent.params.items():
            if name in OF_DECISION:
                continue
            if name not in self.params:
                return f"parameter {name!r}, expected one of {', '.join(sorted(self.params)) or 'none'}"
            expected = self.params[name].fault(value)
            if expected is not None:
                return f"parameter {name} is {value!r}, expected {expected}"
        return None


@dataclass(frozen=True, slots=True)
class AllowList:
    """The lines. An intent is allowed by the first of its kind that fits.

    http_ok_hosts: that the executor may ask for the prerequisite `http_ok`, which no line restricts; None where the
    configuration says it.
    """

    lines: tuple[Allowed, ...]
    http_ok_hosts: tuple[str, ...] | None = None

    def find(self, intent: Intent) -> Allowed | str:
        """The line that allows an intent, or why none does."""
        own = [line for line in self.lines if line.kind == intent.kind]
        if not own:
            kinds = ", ".join(sorted({line.kind for line in self.lines})) or "none"
            return f"kind {intent.kind!r}, expected one of {kinds}"
        faults = []
        for line in own:
            fault = line.fault(intent)
            if fault is None:
                return line
            faults.append(fault)
        return "; ".join(faults)


def _matches(text: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)

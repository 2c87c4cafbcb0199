"""What a drill observed, each observation with its bar, and whether it passed."""

from __future__ import annotations

from dataclasses import dataclass


class DrillError(Exception):
    """The drill came to no result: the worker under test did not start, or ended. The message says why."""


Observed = str | float | bool | None | list[str]


@dataclass(frozen=True, slots=True)
class Check:
    """One observation. observed: None where there was nothing to observe. bar: what was expected of it, for people."""

    name: str
    observed: Observed
    bar: str
    passed: bool


def at_most(name: str, observed: float | None, limit: float) -> Check:
    """A number with an upper bar. What was not observed fails."""
    return Check(name, None if observed is None else round(observed, 3), f"at most {limit:g}",
                 observed is not None and observed <= limit)


def equal(name: str, observed: Observed, expected: Observed) -> Check:
    """A value that must be this one."""
    return Check(name, observed, str(expected), observed == expected)


def includes(name: str, observed: list[str], expected: str) -> Check:
    """A list that must have this value."""
    return Check(name, observed, f"has {expected!r}", expected in observed)


@dataclass(frozen=True, slots=True)
class DrillResult:
    """The result of a drill: passed when every check passed."""

    drill: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether every check passed, and there is one."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    def as_json(self) -> dict[str, object]:
        """All of it, for printing."""
        checks = {
            check.name: {"observed": check.observed, "bar": check.bar, "passed": check.passed} for check in self.checks
        }
        return {"drill": self.drill, "passed": self.passed, "checks": checks}

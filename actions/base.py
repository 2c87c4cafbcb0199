"""What every action is: a kind, bounds, and `run`. Also the two ways in which a run ends badly, and the secret type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from actions.limits import number
from actions.model import Intent

Data = Mapping[str, str | float | bool | None]


class TargetError(Exception):
    """The target's fault: it was not reached, or answered with an error. The action says whether a retry can help."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


class Refusal(Exception):  # noqa: N818  it is an answer, not an error
    """The action looked and must not go on: the world is not what the decision supposed. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret string. It shows only through `reveal`, never in a repr, a log line or an f-string."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        """The string itself, for the header it belongs in."""
        return self._value

    def __str__(self) -> str:
        return "Secret(***)"


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long and how often one run may try. timeout_s: total, all attempts, in (0, 600]. attempts: 1 to 10.

    wait_s: before the second attempt, growing after. dry_run: rehearse this action only. Raises `ValueError`.
    """

    timeout_s: float = 10.0
    attempts: int = 3
    wait_s: float = 0.2
    dry_run: bool = False

    def __post_init__(self) -> None:
        number(self, "timeout_s", 0.001, 600.0)
        number(self, "attempts", 1, 10)
        number(self, "wait_s", 0.0, 60.0)


@dataclass(frozen=True, slots=True)
class RunContext:
    """Circumstances of a run. dry_run: read if it helps the rehearsal, write nothing."""

    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """A run that succeeded: one sentence for a human, and figures for machines. No secrets in either."""

    detail: str
    data: Data = field(default_factory=dict)


class Action(Protocol):
    """One way to act. The executor alone calls `run`, after it has won the ledger's claim; it may block on the network.

    Crash: the executor never runs a key again. Duplicate: a retry within one execution repeats `run` with the same
    intent, also after an attempt whose answer was lost, so a second run must be harmless.
    """

    @property
    def kind(self) -> str:
        """Its name in the catalogue."""

    @property
    def reversible(self) -> bool:
        """Whether `run` understands an intent with `undo`."""

    @property
    def bounds(self) -> Bounds:
        """How long and how often to try."""

    async def run(self, intent: Intent, ctx: RunContext) -> Done:
        """Do it. Raises `TargetError` for the target's fault and `Refusal` where it must not go on."""

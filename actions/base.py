"""The interface of actions: a kind, bounds, `run` and `read_back`; the two exceptions; and the type of secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from actions.model import Intent
from actions.validation import check_number

Data = Mapping[str, str | float | bool | None]


class TargetError(Exception):
    """A fault of the target: it was not reached, or answered with an error. retryable: whether a retry can help."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


class Refusal(Exception):  # noqa: N818  it is an answer, not an error
    """The action must not go on: the target is not in the state that the decision assumed. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret string. Only `reveal` returns it; a repr, a log line or an f-string masks it."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        """The string itself, for a request header."""
        return self._value

    def __str__(self) -> str:
        return "Secret(***)"


MAX_TIMEOUT_S = 600.0
"""Of one run: an intent at a target waits for the one before it."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of one run. timeout_s: of all attempts together, in (0, 600]. attempts: 1 to 10.

    wait_s: before the second attempt; later waits are longer. dry_run: rehearse this action. Raises `ValueError`.
    """

    timeout_s: float = 10.0
    attempts: int = 3
    wait_s: float = 0.2
    dry_run: bool = False

    def __post_init__(self) -> None:
        check_number(self, "timeout_s", 0.001, MAX_TIMEOUT_S)
        check_number(self, "attempts", 1, 10)
        check_number(self, "wait_s", 0.0, 60.0)


@dataclass(frozen=True, slots=True)
class RunContext:
    """The context of a run. dry_run: a rehearsal, which may read and must not write."""

    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """The result of a successful run. detail: one sentence for a human. data: values for machines. Without secrets."""

    detail: str
    data: Data = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the target is now. applied: whether the effect of an intent is in force there; None where the target cannot
    tell. detail: one sentence for a human. Without secrets.
    """

    applied: bool | None
    detail: str


class Action(Protocol):
    """One kind of action. Only the executor calls `run`, after it has won the claim; `run` may block on the network.

    Crash: the executor never runs a key again. Duplicate: a retry within one execution repeats `run` with the same
    intent, also after an attempt whose answer was lost. So a second run must be harmless.
    """

    @property
    def kind(self) -> str:
        """Its name in the catalogue."""

    @property
    def reversible(self) -> bool:
        """Whether `run` understands an intent with `undo`."""

    @property
    def holds(self) -> bool:
        """Whether the effect stays in force at the target until it is undone. False for what happens once."""

    @property
    def bounds(self) -> Bounds:
        """Timeout and attempts."""

    async def run(self, intent: Intent, ctx: RunContext) -> Done:
        """Run the action. Raises `TargetError` for a fault of the target and `Refusal` where it must not go on."""

    async def read_back(self, intent: Intent) -> Reading:
        """Whether the effect of the intent is in force at the target, in one attempt that changes nothing.

        `intent.undo` has no influence: after an undo the effect is not applied. Raises `TargetError`.
        """

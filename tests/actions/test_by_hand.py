"""Each directive of a person about a target is the command that it names, with its author and time."""

from __future__ import annotations

import pytest

from actions.by_hand import apply
from classifiers.by_hand import BreakerVerb, ForTargets, Keep, ResetStorm, SetBreaker, Undo


class Recorded:
    """Hands that keep what they were asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []

    async def undo(self, kind: str, target: str, by: str, at_s: float, comment: str = "") -> str:
        self.asked.append(("undo", kind, target, by, at_s, comment))
        return "done"

    async def keep(self, kind: str, target: str, by: str, at_s: float, comment: str = "") -> str:
        self.asked.append(("keep", kind, target, by, at_s, comment))
        return "done"

    async def set_breaker(self, target: str, verb: BreakerVerb, by: str, at_s: float, comment: str = "") -> str:
        self.asked.append((verb, target, by, at_s, comment))
        return "done"

    async def reset_storm(self, by: str, at_s: float) -> str:
        self.asked.append(("reset_storm", by, at_s))
        return "done"


CASES: list[tuple[ForTargets, tuple[object, ...]]] = [
    (Undo("throttle", "chat/v2", "ben", 5.0, "c"), ("undo", "throttle", "chat/v2", "ben", 5.0, "c")),
    (Keep("throttle", "chat/v2", "ben", 5.0), ("keep", "throttle", "chat/v2", "ben", 5.0, "")),
    (SetBreaker("chat/r0", "force_open", "ben", 5.0), ("force_open", "chat/r0", "ben", 5.0, "")),
    (ResetStorm("ann", 5.0), ("reset_storm", "ann", 5.0)),
]


@pytest.mark.parametrize(("directive", "command"), CASES, ids=lambda each: type(each).__name__)
async def test_a_directive_is_its_command(directive: ForTargets, command: tuple[object, ...]) -> None:
    hands = Recorded()
    assert await apply(directive, hands) == "done"
    assert hands.asked == [command]

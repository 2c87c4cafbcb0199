"""What is in the simulated log: the names of its topics, ticks, incidents and snapshots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from classifiers.incidents.triage import IncidentChange
from streams.contracts.ticks import Tick, decode_tick
from streams.ownership.feed import valid_ticks
from streams.pipeline import Products

TICKS, STATE, INCIDENTS, ACTIONS, OUTCOMES, DEAD, CONTROL = (
    "ticks", "state", "incidents", "actions", "outcomes", "dead_letters", "control",
)


@dataclass(frozen=True, slots=True)
class LoggedTick:
    """A tick in the log, and what its owner published because of it."""

    value: bytes
    published: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Published:
    """A state of an incident in the log."""

    shard: int
    change: IncidentChange


@dataclass(frozen=True, slots=True)
class Lineage:
    """What the states of a shard were given since it was learned anew. begins: first offset by topic. late_s: when."""

    born_s: float
    begins: dict[str, int]
    counts: Counter[str] = field(default_factory=Counter)
    late_s: list[float] = field(default_factory=list)

    def copy(self) -> Lineage:
        return Lineage(self.born_s, dict(self.begins), Counter(self.counts), list(self.late_s))


@dataclass(frozen=True, slots=True)
class Stored:
    """A snapshot in the log."""

    value: bytes
    lineage: Lineage


class RepeatDiffers(AssertionError):  # noqa: N818
    """A tick that was repeated led to something else than the first time."""


def published_of(products: Products) -> tuple[object, ...]:
    return (
        *((each.change, each.incident) for each in products.transitions), *products.intents, *products.audit,
    )


def valid_logged(logged: Iterable[tuple[int, object]], generation: int) -> tuple[list[Tick], int, list[object]]:
    """The ticks that count, the highest generation, and what was published because of them. logged: with offsets."""
    entries = [each for _, each in logged if isinstance(each, LoggedTick)]
    ticks = [decode_tick(each.value) for each in entries]
    found, highest = valid_ticks(ticks, generation)
    chosen = {id(tick) for tick in found}
    published = [
        one for tick, each in zip(ticks, entries, strict=True) if id(tick) in chosen for one in each.published
    ]
    return found, highest, published


def check_repeated(found: Sequence[object], expected: Sequence[object]) -> None:
    """Raises RepeatDiffers."""
    if found != expected:
        raise RepeatDiffers(_difference(found, expected))


def _difference(found: Sequence[object], expected: Sequence[object]) -> str:
    for at, (one, other) in enumerate(zip(found, expected, strict=False)):
        if one != other:
            return f"number {at}: {one!r}, expected {other!r}"
    return f"{len(found)} in place of {len(expected)}: {[*found, *expected][min(len(found), len(expected))]!r}"

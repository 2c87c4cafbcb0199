"""What every input format is to the pipeline: a codec, which turns record batches of one topic into columns of samples.

The formats are in `streams/intake/`. A codec never raises for what a producer wrote: what cannot be used is a dead
letter, with reason, place, value and what was expected. What it answers depends on the records and their order only,
not on how they were cut into batches. On a duplicate record it may answer the same samples again: whoever keeps state
skips by offset.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

from detectors.base import State
from streams.intake.columns import Samples
from streams.intake.dead_letters import DeadLetter
from streams.intake.validation import Fault


class Record(Protocol):
    """A Kafka record as aiokafka gives it. timestamp: milliseconds since the epoch."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of a batch. records = Kafka records in; samples = accepted elements; values = metric values in them;
    rejected = elements thrown out (a record that cannot be parsed counts as one)."""

    records: int
    samples: int
    values: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Decoded:
    """A batch, taken apart. dead: at most one a Kafka record, in record order."""

    samples: Samples
    dead: list[DeadLetter]
    counts: Counts


Skip = Literal["first", "stale", "rebased", "unknown", "no_value", "incomplete", "wrong_kind", "reset"]
"""Why a point of aggregated metrics gave no value, without being malformed: the first of its series; at or before one
already seen; its buckets changed; a name that is not watched; no value recorded; a histogram with parts missing; not of
the kind that the name stands for. `reset` counts the series that began anew, which do give a value."""


class Codec(Protocol):
    """One topic's decoder within one shard; fed by one task, in order of offset.

    points: since the owner last cleared it, how many points of aggregated metrics were left out without being
    malformed, by reason; empty for records that are requests.
    """

    points: Counter[Skip]

    def decode(self, records: Sequence[Record], now_s: float) -> Decoded:
        """Samples and dead letters of a batch. now_s: only for timestamps too far ahead (or too old)."""

    def flush(self) -> Samples | None:
        """The samples held back for records to come, when none will come soon; None where nothing is held back."""

    def snapshot(self) -> tuple[State, dict[str, Any]]:
        """Arrays and JSON values to go on from."""

    def restore(self, state: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:
        """Go on from a snapshot; raises ValueError, LookupError or TypeError when it is not one of this format."""


def dead_letters(records: Sequence[Record], faults: Mapping[int, Sequence[Fault]]) -> list[DeadLetter]:
    """One dead letter for each record with faults, in record order. faults: by the place of the record."""
    return [_dead(records[place], faults[place]) for place in sorted(faults)]


def _dead(record: Record, faults: Sequence[Fault]) -> DeadLetter:
    more = f"; {len(faults)} elements rejected" if len(faults) > 1 else ""
    return DeadLetter(
        faults[0].reason, faults[0].detail + more, len(faults), record.topic, record.partition, record.offset,
        record.timestamp, record.key, record.value, tuple(record.headers or ()),
    )

"""The interface of an input format: a codec turns record batches of one topic into columns of samples.

The formats are in `streams/intake/`. A codec never raises for what a producer wrote: a malformed record becomes a dead
letter, with the reason, the place, the value and what was expected. The result depends on the records and their order
only, and not on how they were cut into batches. A duplicate record may give the same samples again; the caller, which
keeps state, skips by offset.
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
from streams.intake.kafka_record import KafkaRecord
from streams.intake.point_names import PointNames
from streams.intake.validation import Rejection


@dataclass(frozen=True, slots=True)
class BatchCounts:
    """Counts of a batch. records: Kafka records in it. samples: accepted elements. values: metric values in them.
    rejected: elements that were rejected; a record that cannot be parsed counts as one."""

    records: int
    samples: int
    values: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded batch. dead: at most one dead letter a Kafka record, in record order."""

    samples: Samples
    dead: list[DeadLetter]
    counts: BatchCounts


SkipReason = Literal[
    "first", "stale", "rebased", "unknown", "not_watched", "no_value", "incomplete", "wrong_kind", "reset",
]
"""Why a well-formed point of aggregated metrics gave no value: it is the first of its series; it is not newer than the
last one; its buckets changed; no alias knows its name; its name is left out on purpose; it has no value; parts of its
histogram are missing; it is not of the kind that its name stands for. `reset` counts series that were reset; these
points do give a value."""


class Codec(Protocol):
    """The decoder of one topic within one shard; called by one task, in order of offset.

    skipped: well-formed points of aggregated metrics without a value, by reason, since the owner last cleared it. Empty
    for records that are requests. names: the same points by name, likewise.
    """

    skipped: Counter[SkipReason]
    names: PointNames

    def decode(self, records: Sequence[KafkaRecord], now_s: float) -> Decoded:
        """Samples and dead letters of a batch. now_s: only for timestamps too far ahead (or too old)."""

    def flush(self) -> Samples | None:
        """The samples that were held back for further records, when none will come soon; None where there are none."""

    def snapshot(self) -> tuple[State, dict[str, Any]]:
        """The state, as arrays and JSON values."""

    def restore(self, state: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:
        """Take over a snapshot; raises ValueError, LookupError or TypeError when it is not one of this format."""


def dead_letters(records: Sequence[KafkaRecord], rejections: Mapping[int, Sequence[Rejection]]) -> list[DeadLetter]:
    """One dead letter for each record with rejections, in record order. rejections: by the place of the record."""
    return [_dead(records[place], rejections[place]) for place in sorted(rejections)]


def _dead(record: KafkaRecord, rejections: Sequence[Rejection]) -> DeadLetter:
    more = f"; {len(rejections)} elements rejected" if len(rejections) > 1 else ""
    first = rejections[0]
    return DeadLetter(first.reason, first.detail + more, len(rejections), record)

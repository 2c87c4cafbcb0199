"""Warnings of rejected records, for the log: one for each topic and reason in a while, with an example and a count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from streams.intake.dead_letters import DeadLetter

WARN_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class RejectedWarning:
    """count: records and elements of arrays rejected for this reason since the last warning. first: the first of them,
    with its place."""

    topic: str
    reason: str
    count: int
    first: str


class RejectedRecords:
    """Counts what is rejected by topic and reason. Memory: a count, a text and a time for each; reasons are few."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = {}
        self._firsts: dict[tuple[str, str], str] = {}
        self._warned_s: dict[tuple[str, str], float] = {}

    def observe(self, topic: str, dead: Sequence[DeadLetter], now_s: float) -> list[RejectedWarning]:
        """Count a batch of a topic. Returns the warnings that are due, of any topic and reason: the first at once, a
        later one at the earliest `WARN_EVERY_S` after the one before. now_s: of any clock that never steps.
        """
        for letter in dead:
            kind = topic, letter.reason
            self._counts[kind] = self._counts.get(kind, 0) + letter.rejected
            if kind not in self._firsts:
                self._firsts[kind] = f"offset {letter.record.offset}: {letter.detail}"
        return list(self._due(now_s)) if self._counts else []

    def _due(self, now_s: float) -> Iterator[RejectedWarning]:
        for kind in list(self._counts):
            warned_s = self._warned_s.get(kind)
            if warned_s is None or now_s - warned_s >= WARN_EVERY_S:
                self._warned_s[kind] = now_s
                yield RejectedWarning(*kind, self._counts.pop(kind), self._firsts.pop(kind))

"""Warnings of rejected records, for the log: one for each topic in a while, with the first reason and the count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from streams.intake.dead_letters import DeadLetter

WARN_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class RejectedWarning:
    """count: records and elements of arrays rejected since the last warning. first: the first reason among them."""

    topic: str
    count: int
    first: str


class RejectedRecords:
    """Counts what is rejected by topic. Memory: a count, a text and a time for each topic."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._firsts: dict[str, str] = {}
        self._warned_s: dict[str, float] = {}

    def observe(self, topic: str, dead: Sequence[DeadLetter], now_s: float) -> list[RejectedWarning]:
        """Count a batch of a topic. Returns the warnings that are due, of any topic: each topic's first at once, a
        later one at the earliest `WARN_EVERY_S` after the one before. now_s: of any clock that never steps.
        """
        for letter in dead:
            self._counts[topic] = self._counts.get(topic, 0) + letter.rejected
            self._firsts.setdefault(topic, f"{letter.reason}: {letter.detail}")
        return list(self._due(now_s)) if self._counts else []

    def _due(self, now_s: float) -> Iterator[RejectedWarning]:
        for topic in list(self._counts):
            warned_s = self._warned_s.get(topic)
            if warned_s is None or now_s - warned_s >= WARN_EVERY_S:
                self._warned_s[topic] = now_s
                yield RejectedWarning(topic, self._counts.pop(topic), self._firsts.pop(topic))

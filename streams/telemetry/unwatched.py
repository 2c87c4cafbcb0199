"""Input topics none of whose points is watched: a stack that no alias knows, or a topic of something else.

Pure: the time is an argument. Of a topic whose exporters were renamed all at once, everything is dropped too. Nothing
is decided by it and it is known again within minutes, so it is in no snapshot. Memory: at most 1,024 names a topic.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from streams.intake.point_names import UNKNOWN_REMEDY, PointNames

AT_FIRST_S = 60.0
"""How long all points of a topic must have been dropped, where none was ever watched: longer than a usual scrape
interval, since one poll may hold a part of a scrape."""
LATER_S = 600.0
"""The same, where some were watched before: longer than a rare scrape interval."""
NOTICE_EVERY_S = 3600.0


@dataclass(frozen=True, slots=True)
class Notice:
    """For the log. severity: `warning` where no point is watched, `debug` where most are of unknown names."""

    severity: Literal["warning", "debug"]
    topic: str
    reason: str


@dataclass(slots=True)
class _Topic:
    """partitions: that gave points. since_s: from when on no point was watched, None while some are. was_watched:
    whether one ever was. dropped: points since then. recent: all points since the last notice of most of them.
    warned_s, told_s: of the last notices, None without one."""

    partitions: set[int] = field(default_factory=set)
    since_s: float | None = None
    was_watched: bool = False
    dropped: PointNames = field(default_factory=PointNames)
    recent: PointNames = field(default_factory=PointNames)
    warned_s: float | None = None
    told_s: float | None = None

    def is_unwatched(self, now_s: float) -> bool:
        return self.since_s is not None and now_s - self.since_s >= (LATER_S if self.was_watched else AT_FIRST_S)


class UnwatchedTopics:
    """The topics of one worker, over the partitions that it owns."""

    def __init__(self) -> None:
        self._topics: dict[str, _Topic] = {}

    def observe(self, topic: str, partition: int, names: PointNames, now_s: float) -> Notice | None:
        """Count the points of one batch; a notice that is due. now_s: of any clock that never steps."""
        seen = self._topics.setdefault(topic, _Topic())
        seen.partitions.add(partition)
        seen.recent.add(names)
        if names.watched:
            seen.since_s, seen.was_watched, seen.warned_s, seen.dropped = None, True, None, PointNames()
        else:
            seen.since_s = now_s if seen.since_s is None else seen.since_s
            seen.dropped.add(names)
        if seen.is_unwatched(now_s):
            if _is_due(seen.warned_s, now_s):
                seen.warned_s = now_s
                return Notice("warning", topic, f"{seen.dropped.summary()}; {UNKNOWN_REMEDY}")
        elif seen.recent.watched and seen.recent.mostly_unknown and _is_due(seen.told_s, now_s):
            recent, seen.recent, seen.told_s = seen.recent, PointNames(), now_s
            return Notice("debug", topic, recent.summary())
        return None

    def unwatched(self, now_s: float) -> dict[str, bool]:
        """Whether nothing of a topic is watched, by topic."""
        return {name: topic.is_unwatched(now_s) for name, topic in self._topics.items()}

    def complaints(self, now_s: float) -> tuple[str, ...]:
        """A sentence for each topic of which nothing is watched."""
        return tuple(
            f"{name}: {topic.dropped.summary()}" for name, topic in self._topics.items() if topic.is_unwatched(now_s)
        )

    def revoke(self, partitions: Iterable[tuple[str, int]]) -> list[str]:
        """Forget partitions that moved to another worker; the topics of which none is left."""
        gone = []
        for name, partition in partitions:
            topic = self._topics.get(name)
            if topic is not None:
                topic.partitions.discard(partition)
                if not topic.partitions:
                    del self._topics[name]
                    gone.append(name)
        return gone


def _is_due(last_s: float | None, now_s: float) -> bool:
    return last_s is None or now_s - last_s >= NOTICE_EVERY_S

"""Points of aggregated metrics by name: those that are watched, those left out on purpose, and those nobody knows.

For the log, the metrics and the summary of a replay. Nothing is decided by it, so it is in no snapshot. Names are what
a producer wrote: their number and their length are bounded.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from streams.intake.validation import shortened

MAX_NAMES = 512
KEPT_NAMES = 256
MAX_LENGTH = 128
SHOWN_NAMES = 10
UNKNOWN_REMEDY = "with `unknown_metrics: pass` an input judges unknown metrics under their own names"


@dataclass(slots=True)
class PointNames:
    """Counts of points. watched: of names that are watched, also where a point gave no value. left_out: of names that
    are left out on purpose. wrong_kind: of watched names, but of another kind. unknown: of all other names. names: of
    unknown points, by name.

    Beyond `MAX_NAMES` names only the `KEPT_NAMES` commonest are kept, so a rare name may be missing or counted too low.
    Cost: 0.1 us a point.
    """

    watched: int = 0
    left_out: int = 0
    unknown: int = 0
    wrong_kind: int = 0
    names: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """All points."""
        return self.watched + self.left_out + self.unknown + self.wrong_kind

    @property
    def unwatched(self) -> bool:
        """Whether there are points, and none of them is watched."""
        return not self.watched and self.total > 0

    @property
    def mostly_unknown(self) -> bool:
        """Whether more than half of the points have names that nobody knows."""
        return 2 * self.unknown > self.total

    def drop(self, name: str, points: int) -> None:
        """Count points of a name that nobody knows."""
        self.unknown += points
        self._add(name[:MAX_LENGTH], points)

    def add(self, other: PointNames) -> None:
        """Count what another one counted."""
        self.watched += other.watched
        self.left_out += other.left_out
        self.unknown += other.unknown
        self.wrong_kind += other.wrong_kind
        for name, points in other.names.items():
            self._add(name, points)

    def take(self) -> PointNames | None:
        """What was counted since the last call; None when nothing was."""
        if not self.total:
            return None
        taken = PointNames(self.watched, self.left_out, self.unknown, self.wrong_kind, self.names)
        self.watched = self.left_out = self.unknown = self.wrong_kind = 0
        self.names = Counter()
        return taken

    def summary(self) -> str:
        """The counts and the commonest unknown names, in words."""
        if self.watched:
            parts = [f"{self.watched} of {self.total} points are watched"]
        else:
            parts = [f"{self.total} points, none of them watched"]
        if self.unknown:
            # Ties by name, since the order in which names came is no property of the topic.
            ranked = sorted(self.names.items(), key=lambda item: (-item[1], item[0]))[:SHOWN_NAMES]
            shown = ", ".join(f"{shortened(name)} ({points})" for name, points in ranked)
            parts.append(f"{self.unknown} have names that no alias knows, most of them {shown}")
        if self.left_out:
            parts.append(f"{self.left_out} are left out on purpose")
        if self.wrong_kind:
            parts.append(f"{self.wrong_kind} are of another kind than their name stands for")
        return "; ".join(parts)

    def _add(self, name: str, points: int) -> None:
        self.names[name] += points
        if len(self.names) > MAX_NAMES:
            ranked = sorted(self.names.items(), key=lambda item: (-item[1], item[0]))
            self.names = Counter(dict(ranked[:KEPT_NAMES]))

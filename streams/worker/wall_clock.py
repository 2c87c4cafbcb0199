"""The clock a worker reads: the wall clock, or in a demo one that runs faster from an agreed instant."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WallClock:
    """Seconds since the epoch, `speed` times as fast as the wall since `anchor_s`; at `anchor_s` both agree.

    Two processes that were given the same two numbers read the same time, which is all that a player and a worker need
    to agree on. Speed 1 is the wall clock, whatever the anchor. Raises `ValueError` for a speed that is not above 0.

    >>> WallClock(anchor_s=1000.0, speed=10.0).at(1003.0)
    1030.0
    >>> WallClock(anchor_s=1000.0, speed=10.0).wall(1030.0)
    1003.0
    """

    anchor_s: float = 0.0
    speed: float = 1.0

    def __post_init__(self) -> None:
        if not self.speed > 0:
            raise ValueError(f"speed: {self.speed!r}, expected more than 0")

    def at(self, wall_s: float) -> float:
        """What this clock reads at an instant of the wall clock."""
        return self.anchor_s + (wall_s - self.anchor_s) * self.speed

    def wall(self, time_s: float) -> float:
        """The instant of the wall clock at which this clock reads `time_s`."""
        return self.anchor_s + (time_s - self.anchor_s) / self.speed

    def now(self) -> float:
        """What this clock reads now."""
        return self.at(time.time())

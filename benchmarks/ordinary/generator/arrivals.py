"""How many requests come when: courses of the rate over day and week, and arrivals drawn from them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
DAY_S = 86_400.0
GRID_S = 1.0
"""The rate is constant within such a step."""
BURST_S = 30.0
"""How long a burst of an overdispersed stream lasts."""


class Course(Protocol):
    """Requests a second by seconds since the epoch."""

    def at(self, epoch_s: FloatArray | float) -> FloatArray:
        """(n,) the rate at each time."""
        ...


@dataclass(frozen=True, slots=True)
class Steady:
    """One rate throughout."""

    per_s: float

    def at(self, epoch_s: FloatArray | float) -> FloatArray:
        return np.full(np.shape(epoch_s), self.per_s)


@dataclass(frozen=True, slots=True)
class Weekly:
    """The course of a day in local time, and less at weekends. night: share of the peak that is left at night."""

    peak_per_s: float
    night: float = 0.2
    peak_hour: float = 14.0
    weekend: float = 1.0
    zone: str = "UTC"
    sharpness: float = 1.0

    def at(self, epoch_s: FloatArray | float) -> FloatArray:
        local_s = np.asarray(epoch_s, np.float64) + self._offset_s(np.asarray(epoch_s, np.float64))
        hour = local_s % DAY_S / 3600.0
        wave = (0.5 + 0.5 * np.cos((hour - self.peak_hour) / 24.0 * 2.0 * np.pi)) ** self.sharpness
        # 1970-01-01 was a Thursday.
        is_weekend = (local_s // DAY_S + 3.0) % 7.0 >= 5.0
        rate = self.peak_per_s * (self.night + (1.0 - self.night) * wave)
        found: FloatArray = rate * np.where(is_weekend, self.weekend, 1.0)
        return found

    def _offset_s(self, epoch_s: FloatArray) -> FloatArray:
        if self.zone == "UTC":
            return np.zeros(epoch_s.shape)
        zone = ZoneInfo(self.zone)
        hours = (epoch_s // 3600.0).astype(np.int64)
        known = {hour: _utc_offset_s(zone, hour * 3600.0) for hour in np.unique(hours).tolist()}
        found: FloatArray = np.array([known[hour] for hour in hours.ravel().tolist()]).reshape(hours.shape)
        return found


def _utc_offset_s(zone: ZoneInfo, epoch_s: float) -> float:
    offset = datetime.fromtimestamp(epoch_s, UTC).astimezone(zone).utcoffset()
    assert offset is not None
    return offset.total_seconds()


@dataclass(frozen=True, slots=True)
class Batch:
    """A job that sends for lasts_s, every every_s, first at first_s since the epoch."""

    per_s: float
    every_s: float
    lasts_s: float
    first_s: float

    def at(self, epoch_s: FloatArray | float) -> FloatArray:
        since_s = np.asarray(epoch_s, np.float64) - self.first_s
        runs = (since_s >= 0) & (since_s % self.every_s < self.lasts_s)
        found: FloatArray = np.where(runs, self.per_s, 0.0)
        return found


def arrivals(
    course: Course, burstiness: float, origin_s: float, length_s: float, rng: np.random.Generator,
) -> FloatArray:
    """Times of arrival in seconds of the run, in order."""
    steps = int(length_s / GRID_S)
    rate = course.at(origin_s + np.arange(steps, dtype=np.float64) * GRID_S)
    if burstiness > 0.0:
        bursts = rng.gamma(1.0 / burstiness, burstiness, int(length_s / BURST_S) + 2)
        rate = rate * np.interp(np.arange(steps) * GRID_S, np.arange(len(bursts)) * BURST_S, bursts)
    counts = rng.poisson(rate * GRID_S)
    found: FloatArray = np.sort(np.repeat(np.arange(steps) * GRID_S, counts) + rng.uniform(0.0, GRID_S, counts.sum()))
    return found

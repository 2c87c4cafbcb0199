"""An owner of event time with clocks that the test moves."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from math import inf

import numpy as np

from streams.shard.event_time import UNKNOWN_DELAY_S, Arrival, Cadence, CadenceParams, EventTime, Lesson

T = 1_795_420_000.0
"""The wall clock when the steady clock of these tests shows 0."""
ALL = frozenset({"a"})
BOTH = frozenset({"a", "b"})


@dataclass
class Owner:
    """An estimate with a steady clock; `ahead_s` is what our wall clock is ahead of the true time. asks_clock: arrivals
    are compared with it."""

    params: CadenceParams = field(default_factory=CadenceParams)
    sources: dict[str, bool] = field(default_factory=lambda: {"a": False})
    steady_s: float = 0.0
    ahead_s: float = 0.0
    asks_clock: bool = False

    def __post_init__(self) -> None:
        self.time = EventTime(self.params, self.sources)

    @property
    def wall_s(self) -> float:
        return T + self.steady_s + self.ahead_s

    def arrive(
        self, oldest_s: float, newest_s: float, source: str = "a", disorder_s: float = 0.0, lesson: Lesson = "cadence",
    ) -> None:
        """A batch now; event times are relative to T."""
        wall_s = self.wall_s if self.asks_clock else inf
        self.time.observe(source, Arrival(self.steady_s, T + oldest_s, T + newest_s, disorder_s, wall_s), lesson)

    def arrive_each(self, *event_s: float, source: str = "a") -> None:
        """A batch of records now, in this order; event times are relative to T."""
        ts_s = T + np.array(event_s)
        disorder_s = float((np.maximum.accumulate(ts_s) - ts_s).max())
        arrival = Arrival(self.steady_s, float(ts_s.min()), float(ts_s.max()), disorder_s, self.wall_s, ts_s)
        self.time.observe(source, arrival, "cadence")

    def flush_every(
        self, period_s: float, seconds: float, transit_s: float = 0.01, clock_ahead_s: float = 0.0, source: str = "a",
    ) -> None:
        """A producer that sends what it gathered at regular intervals."""
        end_s = self.steady_s + seconds
        while self.steady_s + period_s <= end_s:
            begin_s = self.steady_s
            self.steady_s += period_s
            produced_s = self.steady_s - transit_s + clock_ahead_s
            self.arrive(begin_s - transit_s + clock_ahead_s, produced_s, source)

    def until_s(self, at_end: frozenset[str] = ALL, judge_silence: bool = True) -> float | None:
        """Up to where windows may close, relative to T."""
        until_s = self.time.close_until_s(self.steady_s, self.wall_s, at_end, judge_silence)
        return None if until_s is None else until_s - T

    def cadence(self, source: str = "a") -> Cadence:
        return self.time.cadence(source, self.steady_s)


def known() -> Owner:
    """An owner of a prompt source that it has observed for long enough."""
    owner = Owner()
    owner.flush_every(0.1, UNKNOWN_DELAY_S + 0.5)
    return owner


def stored(owner: Owner) -> dict[str, object]:
    found: dict[str, object] = json.loads(json.dumps(owner.time.snapshot(owner.steady_s)))
    return found

"""How far event time has come in a shard, as its owner estimates it from the records and from a steady clock. Pure.

Each source has a watermark. It is the highest timestamp seen, less the lateness that its records have among each
other. Where a source is known to be read to its end, the watermark also follows the clock: what the producers' clocks
show now, less the delay with which they deliver. Windows may close up to the lowest watermark. Silence is nothing but
windows that close without records, so all care about silence is care about `at_end` and about the delay.

The producers' clock is estimated, not read: the highest difference between a timestamp and the steady clock of this
machine at its arrival. A step of our wall clock therefore moves nothing. The wall clock only bounds the estimate. A
record ahead of both our clock and most producers' by more than `AHEAD_S` moves no event time: one producer whose clock
is wrong does not make all others late.

Delay and lateness follow what was observed: the maximum, which fades with a half-life of `HALF_LIFE_S`. It fades only
while the source is observed: an outage says nothing about how its producers deliver. A stray, a record that lies behind
the newest by more than the longest lateness, is lost whatever one waits for, so it teaches nothing while most arrivals
are without: one producer whose clock is wrong does not make the decisions about all others late.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from math import inf, isfinite
from statistics import median
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Lesson = Literal["cadence", "order", "nothing"]
"""What an arrival shows: how its producers deliver; only how far their records are out of order, because it came from a
backlog; or nothing, because the producers were cut off before."""
HALF_LIFE_S = 120.0
FADE_GAP_S = 10.0
"""Longer without an observation, and what was learned fades no further."""
DELAY_MARGIN = 1.25
LATENESS_MARGIN = 1.1
LEAST_LATENESS_S = 0.5
LEAST_DELAY_S = 1.0
UNKNOWN_DELAY_S = 10.0
"""The least delay until a source was observed for as long: one of its producers may flush seldom."""
LEAST_AGGREGATED_DELAY_S = 3.0
"""An exporter's values of one moment may come in several records."""
CURRENT_SLACK_S = 1.0
"""What the clocks of producers may be behind ours."""
AHEAD_S = 5.0
"""What the clock of a producer may be ahead of ours and of most producers'; farther, and it moves no event time."""
USUAL_OF, LEAST_USUAL = 15, 3
"""Most producers' clock is the median over so many arrivals, not known before so many."""
OFFSET_WINDOW_S = 60.0
"""The estimate of the producers' clock is the highest of the last one to two of these."""


@dataclass(frozen=True, slots=True)
class CadenceParams:
    """Bounds of what is learned. A number in `lateness_s` or `idle_after_s` takes the place of learning.

    lateness_s: how far a record may lie behind the newest of its source. idle_after_s: the delay of delivery, after
    which a source that is read to its end no longer holds event time back.
    """

    lateness_s: float | None = None
    idle_after_s: float | None = None
    max_lateness_s: float = 60.0
    max_idle_after_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """A batch of one source as it arrived. steady_s: the steady clock. oldest_s, newest_s: event time of its records.
    disorder_s: the farthest that a record lies behind an earlier one of the batch. wall_s: our clock, infinity where it
    is not to be asked. ts_s: event time of each record in order, None where it is not known."""

    steady_s: float
    oldest_s: float
    newest_s: float
    disorder_s: float
    wall_s: float = inf
    ts_s: NDArray[np.float64] | None = None


@dataclass(slots=True)
class _Fading:
    """A maximum that fades from its observation on. at_s: minus infinity before one; infinity when another owner made
    the last one, which does not fade before the next: else each take-over would let it fade again."""

    value: float = 0.0
    at_s: float = -inf

    def observe(self, value: float, now_s: float) -> None:
        self.value = max(value, self.now(now_s))
        self.at_s = now_s

    def now(self, now_s: float) -> float:
        elapsed_s = min(max(0.0, now_s - self.at_s), FADE_GAP_S)
        return self.value * 0.5 ** (elapsed_s / HALF_LIFE_S) if self.value else 0.0


@dataclass(slots=True)
class _Source:
    aggregated: bool
    highest_s: float = -inf
    arrived_s: float = -inf
    observed_s: float = 0.0
    delay: _Fading = field(default_factory=_Fading)
    disorder: _Fading = field(default_factory=_Fading)
    are_strays: deque[bool] = field(default_factory=lambda: deque(maxlen=USUAL_OF))
    """Of each of the last arrivals, whether most of its records were strays."""

    @property
    def has_taught(self) -> bool:
        """Whether it has delivered while it could be learned from."""
        return self.delay.at_s > -inf

    @property
    def is_known(self) -> bool:
        """Whether it delivered for long enough, while it could be learned from, to show how all its producers do."""
        return self.observed_s >= UNKNOWN_DELAY_S

    def learn_delay(self, delay_s: float, steady_s: float) -> None:
        if isfinite(self.delay.at_s):
            self.observed_s += min(max(0.0, steady_s - self.delay.at_s), FADE_GAP_S)
        self.delay.observe(delay_s, steady_s)


@dataclass(frozen=True, slots=True)
class Cadence:
    """What is expected of a source now. delay_s: how late its records may be delivered; lateness_s: how far one may lie
    behind the newest."""

    delay_s: float
    lateness_s: float


class EventTime:
    """The event time of one shard. sources: topic -> whether its values arrive aggregated.

    All times `steady_s` are of one steady clock that counts suspended time, all others seconds since the epoch.
    """

    def __init__(self, params: CadenceParams, sources: Mapping[str, bool]) -> None:
        self._params = params
        self._sources = {source: _Source(aggregated) for source, aggregated in sources.items()}
        self._offset: tuple[float, float, float] | None = None
        """Start of the present window of the estimate; highest difference in it, and in the one before."""
        self._usual_s: deque[float] = deque(maxlen=USUAL_OF)
        """Of each of the last arrivals, its oldest timestamp less the steady clock."""

    def reconfigure(self, params: CadenceParams) -> None:
        """Go on with other bounds."""
        self._params = params

    def observe(self, source: str, arrival: Arrival, lesson: Lesson) -> None:
        """A batch arrived, and what may be learned of it."""
        one, steady_s = self._sources[source], arrival.steady_s
        one.arrived_s = steady_s
        known = self._without_strays(arrival, one)
        if known is None:
            return
        arrival = self._without_ahead(known)
        if arrival.newest_s == -inf:
            return
        disorder_s = max(arrival.disorder_s, one.highest_s - arrival.oldest_s, 0.0)
        if one.highest_s == -inf:
            disorder_s = arrival.disorder_s
        one.highest_s = max(one.highest_s, arrival.newest_s)
        # A record that was held up only makes the estimate lower, and so event time slower.
        self._observe_offset(arrival.newest_s - steady_s, steady_s)
        if lesson == "cadence" or (lesson == "order" and not one.has_taught):
            # Until the source could be learned from, the order in a backlog says more than nothing.
            one.disorder.observe(min(disorder_s, self._params.max_lateness_s), steady_s)
        if lesson == "cadence":
            offset_s = self._offset_s()
            assert offset_s is not None
            delay_s = max(0.0, steady_s + offset_s - arrival.oldest_s)
            one.learn_delay(min(delay_s, self._params.max_idle_after_s), steady_s)

    def cadence(self, source: str, steady_s: float) -> Cadence:
        """What is expected of a source now."""
        one, params = self._sources[source], self._params
        least_s = LEAST_AGGREGATED_DELAY_S if one.aggregated else LEAST_DELAY_S
        delay_s, lateness_s = params.idle_after_s, params.lateness_s
        if delay_s is None:
            # A record that lies behind a newer one is at least so late, even if only a backlog showed it.
            longest_s = max(one.delay.now(steady_s), one.disorder.now(steady_s))
            learned_s = DELAY_MARGIN * longest_s + 0.75 if one.has_taught else 0.0
            delay_s = min(max(least_s if one.is_known else UNKNOWN_DELAY_S, learned_s), params.max_idle_after_s)
        if lateness_s is None:
            learned_s = LATENESS_MARGIN * one.disorder.now(steady_s) + 0.25
            lateness_s = min(max(LEAST_LATENESS_S, learned_s), params.max_lateness_s)
        return Cadence(delay_s, lateness_s)

    def producers_now_s(self, steady_s: float, wall_s: float) -> float:
        """What the producers' clocks show now: as estimated, but not ahead of our clock; ours before any arrival."""
        offset_s = self._offset_s()
        return wall_s if offset_s is None else min(steady_s + offset_s, wall_s)

    def latest_now_s(self, steady_s: float, wall_s: float) -> float:
        """The latest of our clock, the estimate and the records: none is refused because a clock of ours is behind."""
        offset_s = self._offset_s()
        newest_s = max((one.highest_s for one in self._sources.values()), default=-inf)
        return max(newest_s, wall_s) if offset_s is None else max(newest_s, steady_s + offset_s, wall_s)

    def close_until_s(self, steady_s: float, wall_s: float, at_end: Set[str], judge_silence: bool) -> float | None:
        """Event time up to which windows may close; None when none may.

        at_end: sources known to be read to their end. judge_silence: whether time without records counts at all.
        """
        lowest_s = inf
        for name, one in self._sources.items():
            cadence = self.cadence(name, steady_s)
            watermark_s = one.highest_s - cadence.lateness_s
            if name in at_end:
                if one.highest_s == -inf:
                    continue
                if judge_silence:
                    watermark_s = max(watermark_s, self.producers_now_s(steady_s, wall_s) - cadence.delay_s)
            lowest_s = min(lowest_s, watermark_s)
        return None if lowest_s in (inf, -inf) else lowest_s

    def is_current(self, steady_s: float, wall_s: float) -> bool:
        """Whether every source that ever delivered has delivered within its delay, by our clock."""
        return all(
            one.highest_s >= wall_s - self.cadence(name, steady_s).delay_s - CURRENT_SLACK_S
            for name, one in self._sources.items() if one.highest_s > -inf
        )

    def has_delivered_after(self, event_s: float) -> bool:
        """Whether every source that ever delivered has delivered something newer than this event time."""
        return all(one.highest_s >= event_s for one in self._sources.values() if one.highest_s > -inf)

    def silent(self, steady_s: float, at_end: Set[str]) -> tuple[str, ...]:
        """The sources that are read to their end and have delivered nothing for longer than their delay, by name."""
        return tuple(sorted(
            name for name in at_end & self._sources.keys()
            if self._sources[name].arrived_s > -inf
            and steady_s - self._sources[name].arrived_s >= self.cadence(name, steady_s).delay_s
        ))

    def snapshot(self, steady_s: float) -> dict[str, Any]:
        """What was learned, as JSON values; times of the steady clock mean nothing to another machine and stay here."""
        return {
            name: {
                "highest_s": None if one.highest_s == -inf else one.highest_s,
                "delay_s": one.delay.now(steady_s) if one.has_taught else None,
                "observed_s": one.observed_s,
                "disorder_s": one.disorder.now(steady_s),
            }
            for name, one in self._sources.items()
        }

    def restore(self, data: Mapping[str, Any], steady_s: float) -> None:
        """Take over a snapshot, of the sources that are still read; raises LookupError or TypeError when it is none."""
        self.restore_cadence(data)
        for name in data.keys() & self._sources.keys():
            highest_s = data[name]["highest_s"]
            self._sources[name].highest_s = -inf if highest_s is None else float(highest_s)
        # No wall clock says what the producers' clocks show: at least what they showed then, and they go on from there.
        newest_s = max((one.highest_s for one in self._sources.values()), default=-inf)
        if newest_s > -inf:
            self._observe_offset(newest_s - steady_s, steady_s)

    def restore_cadence(self, data: Mapping[str, Any]) -> None:
        """Of a snapshot only how the sources deliver; raises LookupError or TypeError when it is none."""
        for name in data.keys() & self._sources.keys():
            one, found = self._sources[name], data[name]
            if found["delay_s"] is not None:
                one.delay = _Fading(float(found["delay_s"]), inf)
                # Snapshots of older releases do not say it.
                one.observed_s = float(found.get("observed_s", UNKNOWN_DELAY_S))
            one.disorder = _Fading(float(found["disorder_s"]), inf)

    def _without_strays(self, arrival: Arrival, one: _Source) -> Arrival | None:
        """The arrival without its strays, None where nothing else is in it; all of it where strays are usual."""
        ts_s = arrival.ts_s
        if ts_s is None or one.highest_s == -inf:
            return arrival
        if max(arrival.disorder_s, one.highest_s - arrival.oldest_s) <= self._params.max_lateness_s:
            one.are_strays.append(False)
            return arrival
        behind_s = np.maximum(np.maximum.accumulate(ts_s), one.highest_s) - ts_s
        kept = behind_s <= self._params.max_lateness_s
        one.are_strays.append(2 * int(kept.sum()) < len(ts_s))
        if 2 * sum(one.are_strays) > USUAL_OF:
            return arrival
        if not kept.any():
            return None
        left_s = ts_s[kept]
        return replace(
            arrival, oldest_s=float(left_s.min()), newest_s=float(left_s.max()), disorder_s=float(behind_s[kept].max()),
        )

    def _without_ahead(self, arrival: Arrival) -> Arrival:
        """The arrival without the records that are ahead of all clocks but their own; minus infinity without any left.

        Of a batch with such records only the oldest timestamp is trusted, and its order says nothing.
        """
        self._usual_s.append(arrival.oldest_s - arrival.steady_s)
        usual_s = median(self._usual_s) if len(self._usual_s) >= LEAST_USUAL else -inf
        trusted_s = max(arrival.wall_s, arrival.steady_s + usual_s) + AHEAD_S
        if arrival.newest_s <= trusted_s:
            return arrival
        newest_s = arrival.oldest_s if arrival.oldest_s <= trusted_s else -inf
        return replace(arrival, newest_s=newest_s, disorder_s=0.0)

    def _observe_offset(self, offset_s: float, steady_s: float) -> None:
        if self._offset is None:
            self._offset = (steady_s, offset_s, offset_s)
            return
        began_s, highest_s, before_s = self._offset
        if steady_s - began_s >= OFFSET_WINDOW_S:
            self._offset = (steady_s, offset_s, highest_s)
        else:
            self._offset = (began_s, max(highest_s, offset_s), before_s)

    def _offset_s(self) -> float | None:
        return None if self._offset is None else max(self._offset[1:])

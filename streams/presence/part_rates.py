"""When the request rate of a part counts: parts share the traffic of their service, as a balancer or the users decide.

The rate of a replica, version or tenant counts only when that of its whole service deviates in the same direction: then
it shows which part it is. From then on it counts for as long as it deviates. A replica that reports that it serves
nothing counts when its requests are lost, and when requests pile up in it. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, replace
from math import inf
from typing import Any, Protocol

import numpy as np

from classifiers.model import Scope, SeriesKey
from detectors.base import Block, BoolArray, IntArray
from detectors.ensemble.suite_scores import UNCOUNTED, SuiteScores
from streams.presence.departures import Departures
from streams.presence.traffic import Traffic

WHOLE_HOLDS_S = 5.0
"""For so long after an alarm the rate still counts, and at least for two of its windows."""
KEEP_S = 600.0
"""No window is longer than half of this."""
HUNG_MIN_S, HUNG_LATENCIES = 30.0, 5.0
"""A replica hangs when it has finished no request for so long, and so many mean latencies, while each of its reports
showed requests that wait or run in it. One that came after a pause has not run for as long as the pause."""
HUNG_LEVEL = 2.0
"""The level of a replica that hangs: the test that found it has its own persistence."""

_Key = tuple[str, Scope, int]
"""Metric, scope, direction."""


class RowAttributes(Protocol):
    """What is known of each row: whether its metric is extensive, whether its scope is a part, its service's number."""

    extensive: BoolArray
    of_part: BoolArray
    service_of: IntArray


class PartRates:
    """See the module. key_of: metric and scope of a row. rows: their attributes."""

    def __init__(
        self, key_of: Callable[[int], SeriesKey], rows: RowAttributes, traffic: Traffic, departures: Departures,
    ) -> None:
        self._key_of = key_of
        self._rows = rows
        self._traffic = traffic
        self._departures = departures
        self._counted_s: dict[_Key, float] = {}
        """When each rate that alarmed counted last."""

    def weigh(self, block: Block, scores: SuiteScores, now_s: float) -> SuiteScores:
        """The scores, in which the rates of parts count only as the module says."""
        rates = np.flatnonzero(self._rows.extensive[block.rows])
        if not len(rates):
            return scores
        level, direction, onset_s = scores.level.copy(), scores.direction.copy(), scores.onset_s.copy()
        of_part = self._rows.of_part[block.rows[rates]]
        alarming = level[rates] >= 1.0
        for at in rates[alarming & ~of_part].tolist():
            self._counted_s[self._key(block.rows[at], direction[at])] = now_s
        for at in rates[alarming & of_part].tolist():
            metric, part, sign = key = self._key(block.rows[at], direction[at])
            whole = metric, Scope(part.service, part.model), sign
            hold_s = max(WHOLE_HOLDS_S, 2.0 * float(block.end_s[at] - block.start_s[at]))
            if now_s - max(self._counted_s.get(one, -inf) for one in (whole, key)) > hold_s:
                level[at] = UNCOUNTED
            else:
                self._counted_s[key] = now_s
        self._drop_before(now_s - KEEP_S)
        for at in rates[of_part & self._traffic.are_idle(block.rows[rates])].tolist():
            since_s = self._hangs_since_s(block.rows[at], now_s)
            if since_s is not None:
                level[at], direction[at], onset_s[at] = max(level[at], HUNG_LEVEL), -1, since_s
        return replace(scores, level=level, direction=direction, onset_s=onset_s)

    def _key(self, row: int, direction: int) -> _Key:
        return *self._key_of(row), int(direction)

    def _drop_before(self, at_s: float) -> None:
        if self._counted_s and min(self._counted_s.values()) < at_s:
            self._counted_s = {key: counted_s for key, counted_s in self._counted_s.items() if counted_s >= at_s}

    def _hangs_since_s(self, row: int, now_s: float) -> float | None:
        """Since when a replica that reports and serves nothing loses its requests; None where it does not."""
        _, scope = self._key_of(row)
        service = int(self._rows.service_of[row])
        since_s = self._traffic.served_s(service, str(scope.replica))
        if since_s is None:
            return None
        if self._departures.status(scope, service, since_s, now_s) == "lost":
            return since_s
        usual_s = self._traffic.latency_s(service, -inf, since_s) or 0.0
        hung_s = max(HUNG_MIN_S, HUNG_LATENCIES * usual_s)
        held_s = self._traffic.held_since_s(service, str(scope.replica))
        return since_s if held_s is not None and now_s - max(since_s, held_s) >= hung_s else None

    def dump(self) -> list[Any]:
        """When rates counted last, as JSON values."""
        return [[metric, astuple(scope), sign, at_s] for (metric, scope, sign), at_s in self._counted_s.items()]

    def load(self, data: list[Any]) -> None:
        """Go on from a dump; raises `ValueError` or `TypeError` when it is not one."""
        self._counted_s = {
            (str(metric), Scope(*scope), int(sign)): float(at_s) for metric, scope, sign, at_s in data
        }

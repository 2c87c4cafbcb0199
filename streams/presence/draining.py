"""Which increases do not count because a part of a service is being drained: its longest requests end last.

When a balancer sends nothing more to a replica or version, those of its requests that are still running finish, the
short ones first. So latency and length grow from window to window while fewer and fewer requests finish, and nothing is
wrong (length-biased sampling). Windows of exporters show it, since they hold the requests that finished within them.

Fails: a replica that is slower and for that reason finishes fewer requests looks the same. So the increase counts once
it lasted for longer than the requests of a drained part can run. What is measured per token, the queue and failures
count at once. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple
from math import inf
from typing import Any, Protocol

import numpy as np

from classifiers.model import Scope, SeriesKey
from detectors.base import Block, BoolArray, FloatArray, IntArray
from detectors.ensemble.suite_scores import SuiteScores
from streams.intake.aggregated.instant import QUANTILES
from streams.presence.part_rates import KEEP_S
from streams.presence.traffic import Traffic

LENGTH_BIASED = frozenset(
    f"{name}{suffix}" for name in ("latency_ms", "completion_tokens") for suffix in ("", *QUANTILES)
)
"""Metrics of whole requests that are larger for those that run for longer."""
FEW = 0.5
"""So much of the usual number of requests in a window are few."""
SPANS, LATENCIES = 2.0, 8.0
"""For so many windows, and so many mean latencies of the service, the last requests of a drained part go on."""


class RowAttributes(Protocol):
    """What is known of each row: whether an exporter reports a metric of `LENGTH_BIASED`, its service's number."""

    length_biased: BoolArray
    service_of: IntArray


class Draining:
    """See the module. key_of: metric and scope of a row. rows: their attributes. usual_count: (n,) of rows, how many
    requests a window of theirs usually has, infinite while unknown."""

    def __init__(
        self, key_of: Callable[[int], SeriesKey], rows: RowAttributes, traffic: Traffic,
        usual_count: Callable[[IntArray], FloatArray],
    ) -> None:
        self._key_of = key_of
        self._rows = rows
        self._traffic = traffic
        self._usual_count = usual_count
        self._few_s: dict[SeriesKey, tuple[float, float]] = {}
        """When a series first and last rose with few requests."""

    def explains(self, block: Block, scores: SuiteScores, now_s: float) -> BoolArray:
        """(n,) the alarms that do not count."""
        explained = np.zeros(len(block), np.bool_)
        rises = (scores.level >= 1.0) & (scores.direction > 0) & self._rows.length_biased[block.rows]
        if not rises.any():
            return explained
        self._few_s = {key: known for key, known in self._few_s.items() if known[1] >= now_s - KEEP_S}
        at = np.flatnonzero(rises)
        few = block.count[at] < FEW * self._usual_count(block.rows[at])
        for place, is_few in zip(at.tolist(), few.tolist(), strict=True):
            key = self._key_of(int(block.rows[place]))
            if not is_few:
                self._few_s.pop(key, None)
                continue
            since_s, _ = self._few_s.get(key, (now_s, now_s))
            self._few_s[key] = (since_s, now_s)
            span_s = float(block.end_s[place] - block.start_s[place])
            latency_s = self._traffic.latency_s(int(self._rows.service_of[block.rows[place]]), -inf, since_s) or 0.0
            explained[place] = now_s - since_s <= SPANS * span_s + LATENCIES * latency_s
        return explained

    def dump(self) -> list[Any]:
        """Which series rise with few requests, as JSON values."""
        return [[metric, astuple(scope), *known] for (metric, scope), known in self._few_s.items()]

    def load(self, data: list[Any]) -> None:
        """Go on from a dump; raises `ValueError` or `TypeError` when it is not one."""
        self._few_s = {
            (str(metric), Scope(*scope)): (float(since_s), float(last_s)) for metric, scope, since_s, last_s in data
        }

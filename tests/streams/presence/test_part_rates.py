from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from classifiers.model import Scope, SeriesKey
from detectors.base import Block, BoolArray, IntArray
from detectors.ensemble.suite_scores import SuiteScores
from streams.presence.departures import Departures
from streams.presence.part_rates import PartRates
from streams.presence.traffic import Traffic
from tests.streams.presence.balanced_service import RATE, T, block

SPAN_S = 15.0
R1, R2, RUNNING = 1, 2, 3
KEYS: dict[int, SeriesKey] = {
    R1: (RATE, Scope("chat", replica="r1")), R2: (RATE, Scope("chat", replica="r2")),
    RUNNING: ("batch_active", Scope("chat", replica="r2")),
}


@dataclass
class Attributes:
    """Rows R1 and R2 are request rates of replicas."""

    extensive: BoolArray = field(default_factory=lambda: np.array([False, True, True, False]))
    of_part: BoolArray = field(default_factory=lambda: np.ones(4, np.bool_))
    service_of: IntArray = field(default_factory=lambda: np.zeros(4, np.intp))


class Exporters:
    """Two replicas that are scraped every 15 s; r2 also reports how many requests run in it."""

    def __init__(self) -> None:
        self.traffic = Traffic(1.0, frozenset({RATE}))
        for row, (metric, scope) in KEYS.items():
            self.traffic.admit(row, metric, scope, 0, True)
        self.rates = PartRates(KEYS.__getitem__, Attributes(), self.traffic, Departures(self.traffic, 300.0))
        self.now_s = T

    def scrape(self, served_per_s: float, running: float) -> float | None:
        """One report of r2; the level of its request rate, None where it does not alarm."""
        found = block({R1: 0.2, R2: served_per_s, RUNNING: running}, self.now_s, SPAN_S)
        self.now_s += SPAN_S
        self.traffic.observe(found, found.end_s)
        level = float(self.rates.weigh(found, unscored(found), self.now_s).level[1])
        return level if level >= 1.0 else None


def unscored(found: Block) -> SuiteScores:
    """Scores of windows in which nothing is unusual."""
    none = np.zeros(len(found))
    return SuiteScores(
        none, np.zeros(len(found), np.intp), np.zeros(len(found), np.intp), found.value, np.zeros((1, len(found))),
        found.start_s, none, none, none,
    )


def test_a_replica_that_holds_requests_and_finishes_none_hangs() -> None:
    service = Exporters()
    assert [service.scrape(0.2, 1.0) for _ in range(4)] == [None] * 4
    assert [service.scrape(0.0, 1.0) is not None for _ in range(3)] == [False, True, True]


def test_a_request_that_came_after_a_pause_has_not_run_for_as_long_as_the_pause() -> None:
    service = Exporters()
    service.scrape(0.2, 0.0)
    assert [service.scrape(0.0, 0.0) for _ in range(8)] == [None] * 8
    assert [service.scrape(0.0, 1.0) is not None for _ in range(3)] == [False, False, True]


def test_it_hangs_no_more_once_it_holds_none() -> None:
    service = Exporters()
    service.scrape(0.2, 1.0)
    assert [service.scrape(0.0, 1.0) is not None for _ in range(3)] == [False, True, True]
    assert service.scrape(0.0, 0.0) is None

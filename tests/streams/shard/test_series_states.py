from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.replay.record_clock import RecordClock
from streams.shard.series_states import SeriesCounts, counts_of
from tests.streams.fakes import LATENCY, batch, clocked, default_plan, requests

PLAN = default_plan()
OTHERS = frozenset(PLAN.sources) - {LATENCY}


def counts(*rows: tuple[bool, float]) -> SeriesCounts:
    warm, level = zip(*rows, strict=True)
    return counts_of(np.array(warm), np.array(level))


def test_a_row_that_is_not_warm_is_warming_and_a_warm_one_is_ready() -> None:
    assert counts((False, np.nan), (True, np.nan), (True, 0.99)) == SeriesCounts(warming=1, ready=2, silent=0)


def test_a_row_beyond_its_usual_gaps_is_silent_whether_it_is_warm_or_not() -> None:
    assert counts((True, 1.0), (False, 7.5)) == SeriesCounts(warming=0, ready=0, silent=2)


@given(st.lists(st.tuples(st.booleans(), st.floats(0.0, 2.0) | st.just(float("nan"))), min_size=1))
def test_every_row_is_counted_once(rows: list[tuple[bool, float]]) -> None:
    assert counts(*rows).total == len(rows)


def test_the_series_of_a_shard_warm_up_then_are_ready_then_fall_silent() -> None:
    clock = RecordClock(clocked(PLAN))
    shard = clock.shard
    clock.ingest(LATENCY, batch(requests(10)).records, OTHERS)
    young = shard.status().series
    assert (young.warming, young.ready, young.silent) == (len(shard.series), 0, 0)
    clock.ingest(LATENCY, batch(requests(120, start=10), first=100).records, OTHERS)
    warm = shard.status().series
    assert (warm.warming, warm.silent) == (0, 0)
    assert warm.ready == len(shard.series)
    other_service = requests(60, start=130)
    for one in other_service:
        assert isinstance(one, dict)
        one["service"] = "search"
    clock.ingest(LATENCY, batch(other_service, first=1300).records, OTHERS)
    later = shard.status().series
    assert later.silent > 0
    assert later.total == len(shard.series)

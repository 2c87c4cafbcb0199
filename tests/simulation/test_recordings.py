"""Properties of the whole pipeline on real input: two recordings of a serving fleet with faults at known times."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from statistics import median

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.model import Incident
from config import load
from streams.demo.scoring import read_truth, score
from streams.pipeline import Shard
from streams.planning import plan_of
from streams.replay.recordings import read_values
from streams.replay.replay import replay
from streams.shard.plan import Plan
from tests.simulation.run import LATENCY, RECORDINGS, Run, demo_plan, recorded, recorded_by_topic, summary_of
from tests.streams.records import FakeRecord

SECOND = RECORDINGS[1]
PART = 9_500
"""Records of the second recording that hold two whole incidents."""


def one_source() -> Plan:
    return replace(demo_plan(), sources={LATENCY: True})


@cache
def uncut(limit: int | None = PART) -> Run:
    """The recording in one piece."""
    run = Run(Shard(one_source()))
    run.ingest(recorded(SECOND, limit))
    return run


@pytest.mark.parametrize("folder", RECORDINGS, ids=lambda folder: folder.name)
def test_the_shipped_configuration_finds_the_faults_of_a_recording(folder: Path) -> None:
    truth = read_truth(folder)
    found = replay(plan_of(load(None, {})), read_values(folder))
    judged = score(truth, found.incidents.values(), truth.start_epoch_s)
    delays = [finding.delay_s for finding in judged.findings if finding.delay_s is not None]
    assert judged.found >= 0.85 * len(judged.findings)
    assert len(judged.false_incidents) <= truth.duration_s / 600.0
    assert median(delays) <= 5.0
    assert (found.dead, found.late) == ({}, 0)


def test_the_part_that_the_properties_use_has_incidents_and_intents() -> None:
    assert [incident.state for incident in uncut().incidents.values()].count("resolved") >= 2
    assert len(uncut().intents) >= 2


@settings(max_examples=6, deadline=None)
@given(
    st.lists(st.integers(0, PART), max_size=12), st.lists(st.integers(0, PART), max_size=4), st.booleans(),
)
def test_any_cut_into_batches_and_a_restart_anywhere_give_the_same_results(
    cuts: list[int], restarts: list[int], overlap: bool,
) -> None:
    run, records = Run(Shard(one_source())), recorded(SECOND, PART)
    bounds = sorted({0, PART, *cuts, *restarts})
    for first, last in pairwise(bounds):
        if first in restarts:
            run.restart()
        # After a crash Kafka delivers again what was not committed: the shard skips what it contains.
        run.ingest(records[max(0, first - 50 * overlap) : last])
    assert run.results() == uncut().results()


@settings(max_examples=2, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_three_topics_interleaved_give_the_incidents_of_the_one_stream(seed: int, restarted: bool) -> None:
    rng, run = random.Random(seed), Run(Shard(demo_plan()))
    rest = {topic: list(records) for topic, records in recorded_by_topic(SECOND, PART).items()}
    while any(rest.values()):
        topic = rng.choice([topic for topic, records in rest.items() if records])
        size = rng.choice((1, 100, 1500))
        run.ingest(rest[topic][:size], topic)
        del rest[topic][:size]
        if restarted and rng.random() < 0.05:
            run.restart()
    whole = uncut()
    assert summary_of(run.incidents.values()) == summary_of(whole.incidents.values())
    assert [(one.key, one.decided_at_s) for one in run.intents] == [
        (one.key, one.decided_at_s) for one in whole.intents
    ]


@settings(max_examples=2, deadline=None)
@given(st.integers(0, 2**32))
def test_records_out_of_order_within_the_lateness_change_nothing(seed: int) -> None:
    rng = random.Random(seed)

    def moved(record: FakeRecord) -> float:
        ts_s: float = orjson.loads(record.value or b"")["ts"]
        return ts_s + rng.uniform(0.0, 0.49)

    run = Run(Shard(one_source()))
    shuffled = sorted(recorded(SECOND, PART), key=moved)
    run.ingest([replace(record, offset=offset) for offset, record in enumerate(shuffled)])
    assert run.late == 0
    assert summary_of(run.incidents.values()) == summary_of(uncut().incidents.values())


def placeless(change: tuple[str, Incident]) -> tuple[str, Incident]:
    """A change without the offsets of its evidence, which other records among them move."""
    kind, incident = change
    return kind, replace(incident, evidence=tuple(replace(reading, records=()) for reading in incident.evidence))


@settings(max_examples=2, deadline=None)
@given(st.lists(st.tuples(st.integers(0, PART - 1), st.sampled_from([
    b"{", b"", b"[]", b'{"ts":1}', b'{"ts":NaN,"service":"serving","metrics":{"latency_ms":1}}',
    b'{"ts":1795420889,"service":"serving","model":"bytegpt","metrics":{"latency_ms":Infinity}}', b"\xff\x00",
])), max_size=40))
def test_malformed_records_among_them_change_nothing_but_the_dead_letters(bad: list[tuple[int, bytes]]) -> None:
    values = [record.value for record in recorded(SECOND, PART)]
    for place, value in sorted(bad, key=lambda item: item[0], reverse=True):
        values.insert(place, value)
    run = Run(Shard(one_source()))
    run.ingest([FakeRecord(value, offset, LATENCY, 0) for offset, value in enumerate(values)])
    assert list(map(placeless, run.changes)) == list(map(placeless, uncut().changes))
    assert len(run.dead) == sum(value != b"[]" for _, value in bad)

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from streams.contracts.envelopes import audit_message
from streams.pipeline import Shard, Stage
from tests.classifiers.feedback_stream import feedback
from tests.streams.fakes import LATENCY, T, batch, default_plan, intent, outcome, requests

PLAN = default_plan()
OTHERS = frozenset(PLAN.sources) - {LATENCY}


def test_a_batch_is_counted_by_what_became_of_its_records() -> None:
    shard = Shard(PLAN)
    shard.ingest(LATENCY, batch(requests(5)).records, T, OTHERS)
    found = shard.ingest(LATENCY, batch([*requests(1), b"{", *requests(2, start=5)], first=50).records, T, OTHERS)
    assert (found.accepted, found.late, [dead.record.offset for dead in found.dead]) == (20, 10, [60])
    assert shard.offsets == {LATENCY: 81}


def test_records_that_it_contains_are_skipped_and_the_rest_of_their_batch_is_taken() -> None:
    shard = Shard(PLAN)
    shard.ingest(LATENCY, batch(requests(3)).records, T)
    again = shard.ingest(LATENCY, batch(requests(4)).records, T)
    assert (again.accepted, shard.offsets) == (10, {LATENCY: 40})
    nothing = shard.ingest(LATENCY, batch(requests(4)).records, T)
    assert (nothing.accepted, nothing.dead, shard.offsets) == (0, [], {LATENCY: 40})


def test_an_empty_batch_is_nothing() -> None:
    shard = Shard(PLAN)
    shard.ingest(LATENCY, [], T)
    assert (shard.offsets, shard.last_arrival_s) == ({}, None)


def test_a_source_that_has_not_spoken_holds_the_windows_until_it_is_idle() -> None:
    shard = Shard(PLAN)
    shard.ingest(LATENCY, batch(requests(10)).records, T)
    assert len(shard.series) == 0
    shard.advance_time(T + 3.0, OTHERS)
    assert shard.detection.evaluated_until_s == T + 9.0


def test_time_passes_by_the_wall_only_when_every_source_is_silent() -> None:
    shard = Shard(PLAN)
    shard.ingest(LATENCY, batch(requests(10)).records, T, OTHERS)
    shard.advance_time(T + 50.0, OTHERS)
    assert shard.detection.evaluated_until_s == T + 9.0
    shard.advance_time(T + 50.0, OTHERS | {LATENCY})
    assert shard.detection.evaluated_until_s == T + 59.0


def test_a_wall_clock_that_was_set_back_moves_nothing() -> None:
    shard = Shard(PLAN)
    shard.ingest(LATENCY, batch(requests(10)).records, T, OTHERS)
    shard.advance_time(T - 3600.0, OTHERS | {LATENCY})
    assert shard.detection.evaluated_until_s == T + 9.0


def test_a_shard_that_never_saw_a_record_has_no_time() -> None:
    shard = Shard(PLAN)
    shard.advance_time(T, frozenset(PLAN.sources))
    assert (shard.changes, shard.detection.evaluated_until_s) == (0, float("-inf"))


def test_an_outcome_of_nobodys_intent_changes_nothing() -> None:
    shard = Shard(PLAN)
    found = shard.apply_outcome(outcome(intent()))
    assert (found.transitions, found.intents, shard.changes) == ([], [], 0)


def test_every_stage_is_timed() -> None:
    seen: list[Stage] = []

    @contextmanager
    def stopwatch(stage: Stage) -> Iterator[None]:
        seen.append(stage)
        yield

    shard = Shard(PLAN, stopwatch)
    shard.ingest(LATENCY, batch(requests(10)).records, T, OTHERS)
    assert {"decode", "window", "detect"} <= set(seen)


def test_feedback_is_learned_in_its_time_by_every_shard_alike_and_audited_as_one_event() -> None:
    said = replace(feedback(1), at_s=T + 3.0)
    shards = [Shard(PLAN, number=number) for number in (0, 1)]
    heard = []
    for shard in shards:
        shard.add_directives([said])
        early = shard.ingest(LATENCY, batch(requests(3)).records, T + 60.0, OTHERS)
        assert (early.audit, shard.triage.learning.advisor.feedback_count) == ([], 0)
        heard.append(shard.ingest(LATENCY, batch(requests(5, start=3), first=30).records, T + 60.0, OTHERS))
    assert [[entry.event for entry in products.audit] for products in heard] == [["feedback"], ["feedback"]]
    assert audit_message(heard[0].audit[0], "s") == audit_message(heard[1].audit[0], "s")
    assert shards[0].triage.learning.dump() == shards[1].triage.learning.dump()
    assert Shard.restored(PLAN, shards[0].snapshot()).triage.learning.advisor.feedback_count == 1

from __future__ import annotations

import orjson

from streams.replay.replay import SOURCE, ReplayRecord, replay
from tests.streams.replay.sick_fleet import PLAN, recording


def test_a_replay_runs_every_step_of_a_playbook_with_dry_run_outcomes() -> None:
    found = replay(PLAN, enumerate(recording()))
    (incident,) = found.incidents.values()
    assert (incident.state, incident.replica) == ("resolved", "r1")
    assert [(intent.kind, outcome and outcome.status) for intent, outcome in found.actions] == [
        ("circuit_breaker", "dry_run"), ("notify", "dry_run"),
    ]
    assert [action.status for action in incident.actions] == ["dry_run", "dry_run"]
    assert found.actions[1][0].decided_at_s - found.actions[0][0].decided_at_s >= 5.0
    assert (found.records, found.late, found.dead) == (len(recording()), 0, {})
    assert found.series > 0
    assert sum(found.alarms.values()) > 0


def test_the_same_recording_gives_the_same_to_the_byte() -> None:
    first, second = (replay(PLAN, enumerate(recording())) for _ in range(2))
    assert orjson.dumps([first.incidents, first.actions]) == orjson.dumps([second.incidents, second.actions])


def test_malformed_records_are_counted_and_the_first_is_reported() -> None:
    found = replay(PLAN, enumerate([*recording()[:100], b"{", b'{"ts": 1}']))
    assert found.dead == {"not_json": 1, "missing_service": 1}
    assert found.first_dead is not None
    assert found.first_dead.startswith("record 101: ")


def test_the_age_of_a_recording_does_not_matter() -> None:
    tomorrow = [value.replace(b'"ts":1795', b'"ts":1895') for value in recording()]
    assert len(replay(PLAN, enumerate(tomorrow)).incidents) == 1


def test_an_empty_recording_gives_nothing() -> None:
    found = replay(PLAN, [])
    assert (found.incidents, found.actions, found.records, found.series) == ({}, [], 0, 0)


def test_a_record_of_a_recording_has_the_shape_of_kafkas() -> None:
    assert (ReplayRecord(3, b"x").topic, ReplayRecord(3, b"x").key) == (SOURCE, None)

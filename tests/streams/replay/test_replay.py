from __future__ import annotations

from dataclasses import replace

import orjson

from actions.playbook import Match, Playbook, Step
from streams.pipeline import Shard
from streams.replay.replay import SOURCE, ReplayRecord, replay
from tests.simulation.run import Run
from tests.simulation.test_stories import Fleet, sick
from tests.streams.fakes import default_plan
from tests.streams.records import FakeRecord

LADDER = Playbook("cut", 1, Match(), "auto", (
    Step("circuit_breaker", "{service}/{replica}", wait_s=5.0), Step("notify", "{service}", mode="suggest"),
))
PLAN = replace(default_plan(), decisions=replace(default_plan().decisions, playbooks=(LADDER,)))


class Kept(Run):
    """Keeps what the fleet wrote instead of judging it."""

    values: list[bytes]

    def take(self, records: object, *_: object, **__: object) -> None:  # type: ignore[override]
        assert isinstance(records, list)
        self.values += [record.value for record in records if isinstance(record, FakeRecord) and record.value]


def recording() -> list[bytes]:
    kept = Kept(Shard(replace(PLAN, sources={"inference.latency": True})))
    kept.values = []
    Fleet(kept, ("r0", "r1", "r2")).play(60).play(20, sick("r1")).play(40)
    return kept.values


def test_a_recording_plays_out_with_ladder_and_rehearsed_outcomes() -> None:
    found = replay(PLAN, enumerate(recording()))
    (incident,) = found.incidents.values()
    assert (incident.state, incident.replica) == ("resolved", "r1")
    assert [(intent.kind, outcome.status) for intent, outcome in found.actions] == [
        ("circuit_breaker", "dry_run"), ("notify", "suggested"),
    ]
    assert [action.status for action in incident.actions] == ["dry_run", "suggested"]
    assert found.actions[1][0].decided_at_s - found.actions[0][0].decided_at_s >= 5.0
    assert (found.records, found.late, found.dead) == (len(recording()), 0, {})
    assert found.series > 0
    assert sum(found.alarms.values()) > 0


def test_the_same_recording_gives_the_same_to_the_byte() -> None:
    first, second = (replay(PLAN, enumerate(recording())) for _ in range(2))
    assert orjson.dumps([first.incidents, first.actions]) == orjson.dumps([second.incidents, second.actions])


def test_what_is_malformed_is_counted_and_the_first_is_told() -> None:
    found = replay(PLAN, enumerate([*recording()[:100], b"{", b'{"ts": 1}']))
    assert found.dead == {"not_json": 1, "missing_service": 1}
    assert found.first_dead is not None
    assert found.first_dead.startswith("record 101: ")


def test_a_recording_of_yesterday_or_tomorrow_is_no_matter() -> None:
    tomorrow = [value.replace(b'"ts":1795', b'"ts":1895') for value in recording()]
    assert len(replay(PLAN, enumerate(tomorrow)).incidents) == 1


def test_an_empty_recording_gives_nothing() -> None:
    found = replay(PLAN, [])
    assert (found.incidents, found.actions, found.records, found.series) == ({}, [], 0, 0)


def test_a_record_of_a_recording_has_the_shape_of_kafkas() -> None:
    assert (ReplayRecord(3, b"x").topic, ReplayRecord(3, b"x").key) == (SOURCE, None)

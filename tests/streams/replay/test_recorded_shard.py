"""Recorded topics of a live shard give what its owners published, to the byte, silence included."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson
import pytest

from classifiers.directives import Matcher, Silence
from config import load
from streams.contracts.envelopes import read_intent
from streams.planning import plan_of
from streams.replay.recorded_shard import RecordedShard, RecordedTopics
from streams.replay.topic_recording import TopicRecording
from tests.simulation.fleet import sick, silent
from tests.streams.cli.commands import lines, one_message, replayed
from tests.streams.fakes import T, config_of
from tests.streams.replay.live_worker import LiveShard
from tests.streams.replay.topic_files import write_lines
from tests.streams.worker.fixtures import TOPICS

PLAYBOOKS = """\
version: 1
playbooks: [{name: all, version: 1, match: {}, mode: auto, steps: [{kind: notify, target: "{service}"}]}]
"""
QUIET = Silence("s1", (Matcher("replica", "=", "r2"),), T, T + 3600.0, "ana", "new cards")


async def live(folder: Path) -> LiveShard:
    """A replica falls ill, one falls silent, all do; another worker takes over, and one that has no state."""
    shard = LiveShard(plan_of(config_of(folder, PLAYBOOKS)))
    await shard.open()
    await shard.play(300)
    await shard.play(12, sick("r1"))
    shard.worker.manager.add_directives([QUIET])
    await shard.play(30)
    await shard.play(20, silent("r2"))
    await shard.take_over()
    await shard.play(30)
    await shard.stop_traffic(25)
    await shard.take_over(keep_state=False)
    await shard.resolve_lost()
    await shard.play(20)
    return shard


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the configuration of the workers, and with the recording of their topics."""
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="module")
def shard(site: Path) -> LiveShard:
    found = asyncio.run(live(site))
    found.record(site / "topics")
    return found


def changed(shard: LiveShard, site: Path, folder: Path, topic: str, lines: slice) -> Path:
    """The recording with only these lines of one topic."""
    shard.record(folder)
    kept = (site / "topics" / f"{topic}.jsonl").read_bytes().splitlines()[lines]
    write_lines(folder / f"{topic}.jsonl", kept)
    return folder


def test_what_is_replayed_has_silences_of_a_replica_and_of_all_a_control_record_and_a_lost_state(
    shard: LiveShard,
) -> None:
    assert [(one.replica, one.category, one.silenced_by, one.resolution) for one in shard.last().values()] == [
        ("r1", "performance_degradation", None, None), ("r2", "availability", "s1", None),
        (None, "availability", None, "lost"),
    ]
    assert [tick.generation for tick in shard.worker.log.ticks() if tick.anew] == [1, 3]


def test_a_replay_gives_what_the_owners_of_the_shard_published(shard: LiveShard, site: Path) -> None:
    replay = RecordedShard(shard.plan, 0, RecordedTopics(TopicRecording(site / "topics"), TOPICS))
    steps = [products for _, products in replay.run()]
    for topic, found in (
        (TOPICS.incidents, [change.incident for products in steps for change in products.transitions]),
        (TOPICS.actions, [intent for products in steps for intent in products.intents]),
    ):
        assert list(map(orjson.dumps, found)) == [message.value for message in shard.on(topic)]
    assert replay.notes == []


def test_the_command_writes_the_incidents_as_last_published_and_the_recorded_outcomes(
    shard: LiveShard, site: Path, tmp_path: Path,
) -> None:
    result = replayed(site / "topics", "--config", site / "site.yaml", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    published = {incident_id: orjson.loads(orjson.dumps(one)) for incident_id, one in shard.last().items()}
    assert {str(one["id"]): one for one in lines(tmp_path / "incidents.jsonl")} == published
    keys = [read_intent(message.value).key for message in shard.on(TOPICS.actions)]
    actions: list[dict[str, dict[str, object]]] = lines(tmp_path / "actions.jsonl")  # type: ignore[assignment]
    assert [(one["intent"]["key"], one["outcome"]["status"]) for one in actions] == [(key, "executed") for key in keys]
    assert f"note: not read: {TOPICS.incidents}" in result.stdout


def test_another_configuration_than_live_is_noted(shard: LiveShard, site: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("version: 1\ntriage: {accept_after: 1h}\n")
    result = replayed(site / "topics", "--config", other, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert f"live it was {shard.plan.config_hash} for a time; the incidents may differ" in result.stdout


def test_a_state_that_began_before_the_recording_is_left_out_and_one_that_began_in_it_is_replayed(
    shard: LiveShard, site: Path, tmp_path: Path,
) -> None:
    topics = changed(shard, site, tmp_path / "topics", TOPICS.ticks, slice(5, None))
    result = replayed(topics, "--config", site / "site.yaml", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    (lost,) = lines(tmp_path / "out" / "incidents.jsonl")
    assert lost["resolution"] == "lost"
    assert "note: shard 0: the first " in result.stdout
    assert "ticks are left out: their state began before the recording" in result.stdout


def test_a_recording_from_the_middle_of_a_state_cannot_be_replayed(
    shard: LiveShard, site: Path, tmp_path: Path,
) -> None:
    topics = changed(shard, site, tmp_path / "topics", TOPICS.ticks, slice(5, 50))
    one_message(
        replayed(topics, "--config", site / "site.yaml", "--out", tmp_path / "out"),
        f"{topics}: {TOPICS.ticks}[0]: ticks that go on from an earlier state, expected the first tick of that state "
        "before them: a replay begins with an empty state and not with a snapshot",
    )


PLAYBOOKS_CHANGED = PLAYBOOKS + "triage: {confirm_instants: 9}\n"


async def reconfigured(folder: Path, changed_to: Path) -> LiveShard:
    """The configuration changes while r1 is ill, and another worker takes over."""
    shard = LiveShard(plan_of(config_of(folder, PLAYBOOKS)))
    other = plan_of(config_of(changed_to, PLAYBOOKS_CHANGED))
    await shard.open()
    await shard.play(60)
    await shard.play(12, sick("r1"))
    shard.worker.manager.reconfigure(other)
    await shard.play(30)
    await shard.play(12, sick("r2"))
    shard.plan = other
    await shard.take_over()
    await shard.play(10)
    return shard


def test_a_replay_with_the_first_configuration_follows_its_change_and_one_with_the_later_keeps_to_it(
    tmp_path: Path,
) -> None:
    first, later = tmp_path / "first", tmp_path / "later"
    first.mkdir()
    later.mkdir()
    shard = asyncio.run(reconfigured(first, later))
    shard.record(tmp_path / "topics")
    published = [message.value for message in shard.on(TOPICS.incidents)]
    changes, notes = [], []
    for folder in (first, later):
        plan = plan_of(load(folder / "site.yaml", {}))
        replay = RecordedShard(plan, 0, RecordedTopics(TopicRecording(tmp_path / "topics"), TOPICS))
        steps = [products for _, products in replay.run()]
        changes.append([orjson.dumps(change.incident) for products in steps for change in products.transitions])
        notes.append(replay.notes)
    assert changes[0] == published
    assert len({orjson.loads(value)["config_hash"] for value in changes[0]}) == 2
    assert changes[1] != published
    assert notes[0] == []
    assert "the incidents may differ" in notes[1][0]

"""Whatever happened to the supply: its recorded topics give, without a snapshot, what the owners published."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from classifiers.model import Incident
from config import load
from streams.replay.recorded_shard import RecordedShard, RecordedTopics
from streams.replay.topic_recording import TopicRecording
from streams.replay.topic_replay import replay_topics
from tests.simulation.supply.detection import supply_plan
from tests.simulation.supply.log import OUTCOMES, TICKS, LoggedTick, published_of, valid_logged
from tests.simulation.supply.world import World, script_of
from tests.streams.replay.topic_files import kcat_line, write_lines

TOPICS = load(None, {}).topics.model_copy(update={"ticks": TICKS, "outcomes": OUTCOMES})


def recorded(world: World, folder: Path) -> TopicRecording:
    """The topics of a world in one file, partition after partition."""
    def lines() -> Iterator[bytes]:
        for (topic, number), partition in world.broker.partitions.items():
            if topic in (TICKS, OUTCOMES, *world.script.sources):
                for offset, value in partition.read(0, 10**9)[0]:
                    written = value.value if isinstance(value, LoggedTick) else value
                    assert isinstance(written, bytes)
                    yield kcat_line(topic, number, offset, written)

    return TopicRecording(write_lines(folder / "topics.jsonl", lines()))


def unnamed(one: object) -> object:
    """Without the name of the configuration, which changes on the way."""
    if isinstance(one, tuple):
        return tuple(map(unnamed, one))
    return replace(one, config_hash="") if isinstance(one, Incident) else one


@pytest.mark.parametrize("seed", range(30_000, 30_012))
def test_recorded_topics_give_what_was_published(seed: int, tmp_path: Path) -> None:
    world = World(script_of(seed, troubles=2)).run()
    plan, topics = supply_plan(world.script.sources), RecordedTopics(recorded(world, tmp_path), TOPICS)
    last: dict[str, object] = {}
    for number in range(world.script.shards):
        _, _, published = valid_logged(world.broker.partition(TICKS, number).read(0, 10**9)[0], 0)
        expected = list(map(unnamed, published))
        found = [one for _, products in RecordedShard(plan, number, topics).run() for one in published_of(products)]
        assert list(map(unnamed, found)) == expected
        last |= {one[1].id: one[1] for one in expected if isinstance(one, tuple)}
    assert last
    assert {name: unnamed(one) for name, one in replay_topics(plan, topics).incidents.items()} == last

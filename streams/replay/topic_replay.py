"""A recording of topics with their ticks through all shards: the incidents that the workers published.

Outcomes are the recorded ones. The steps of the shards are in the order of the clocks of their owners.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge

from streams.pipeline import Products, Stopwatch, untimed
from streams.replay.recorded_shard import RecordedShard, RecordedTopics
from streams.replay.recordings import RecordingError
from streams.replay.replay import Replay
from streams.shard.plan import Plan


def replay_topics(plan: Plan, recorded: RecordedTopics, stopwatch: Stopwatch = untimed) -> Replay:
    """Replay each shard that has ticks. The plan that was used live gives the same incidents.

    Cost: that of the pipeline, and all files with a partition of a shard are read for each shard. Raises
    `RecordingError`.
    """
    partitions, ticks = recorded.recording.partitions, recorded.topics.ticks
    if ticks not in partitions:
        raise RecordingError(
            recorded.recording.path, None, f"only {', '.join(partitions)}",
            f"{ticks} too, which says when windows closed (without it, the payloads alone can be replayed)",
        )
    shards = [RecordedShard(plan, number, recorded, stopwatch) for number in sorted(partitions[ticks])]
    result, intents = Replay(), []
    for _, number, products in merge(*map(_steps, shards), key=lambda step: step[0]):
        result.add(products, number)
        intents += products.intents
    outcomes = {key: outcome for shard in shards for key, outcome in shard.outcomes.items()}
    result.actions = [(intent, outcomes.get(intent.key)) for intent in intents]
    result.records, result.series = sum(shard.records for shard in shards), sum(shard.series for shard in shards)
    result.ready = sum(shard.ready for shard in shards)
    result.notes = [*(note for shard in shards for note in shard.notes), *_unread(plan, recorded)]
    return result


def _steps(shard: RecordedShard) -> Iterator[tuple[float, int, Products]]:
    for at_s, products in shard.run():
        yield at_s, shard.number, products


def _unread(plan: Plan, recorded: RecordedTopics) -> Iterator[str]:
    """Notes on what was recorded and not replayed."""
    partitions, topics = recorded.recording.partitions, recorded.topics
    unread = [topic for topic in partitions if topic not in (*plan.sources, topics.outcomes, topics.ticks)]
    if unread:
        yield f"not read: {', '.join(unread)}"
    for topic in plan.sources:
        for number in sorted(partitions.get(topic, frozenset()) - partitions[topics.ticks]):
            yield f"not read: {topic}[{number}], since {topics.ticks}[{number}] has no tick"

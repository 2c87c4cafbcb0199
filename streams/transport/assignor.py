"""The assignor of partitions to workers: partition k of every topic goes to the same worker.

The state of shard k joins the windows of a service over several topics, so one worker must read partition k of them
all. Kafka's round-robin assignor would spread these partitions over workers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from importlib.metadata import version

from aiokafka.cluster import ClusterMetadata  # type: ignore[import-untyped]
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor  # type: ignore[import-untyped]
from aiokafka.coordinator.protocol import (  # type: ignore[import-untyped]
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)
from typing_extensions import override

from streams.kafka.worker_process import SEPARATOR


def owners(
    partitions: Mapping[str, Iterable[int]], subscribers: Mapping[str, Collection[str]]
) -> dict[str, dict[str, list[int]]]:
    """Member -> topic -> partitions. Members are sorted by name, so that static members keep their shards.

    While members subscribe to different topics, as in a rolling change of the configuration, a shard belongs to one of
    those that read most of its topics. What that member does not subscribe to, nobody reads until then.

    >>> owners({"a": [0, 1], "b": [0, 1]}, {"a": ["w2", "w1"], "b": ["w1", "w2"]})
    {'w1': {'a': [0], 'b': [0]}, 'w2': {'a': [1], 'b': [1]}}
    >>> owners({"a": [0, 1], "b": [0]}, {"a": ["w1", "w2"], "b": ["w2"]})
    {'w2': {'a': [0, 1], 'b': [0]}}
    """
    topics_of: dict[int, list[str]] = defaultdict(list)
    for topic in sorted(partitions):
        for partition in partitions[topic]:
            topics_of[partition].append(topic)
    assigned: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for number, topics in sorted(topics_of.items()):
        read = Counter(member for topic in topics for member in subscribers[topic])
        readers = sorted(member for member, count in read.items() if count == max(read.values()))
        owner = readers[number % len(readers)]
        for topic in topics:
            if owner in subscribers[topic]:
                assigned[owner][topic].append(number)
    return {member: dict(topics) for member, topics in assigned.items()}


class ShardAssignor(AbstractPartitionAssignor):  # type: ignore[misc]
    """`owners` as an assignor of aiokafka. The leader of the group runs it; all members must name the same assignor."""

    name = "tocsin-shards"
    version: int = 0
    user_data: bytes = b""
    """What the group shows of this member; see `streams.kafka.worker_process`."""

    @classmethod
    @override
    def assign(
        cls, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        subscribers: dict[str, list[str]] = defaultdict(list)
        for member, metadata in members.items():
            for topic in metadata.subscription:
                subscribers[topic].append(member)
        assigned = owners({topic: cluster.partitions_for_topic(topic) or () for topic in subscribers}, subscribers)
        return {
            member: ConsumerProtocolMemberAssignment(cls.version, sorted(assigned.get(member, {}).items()), b"")
            for member in members
        }

    @classmethod
    @override
    def metadata(cls, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        return ConsumerProtocolMemberMetadata(cls.version, list(topics), cls.user_data)

    @classmethod
    @override
    def on_assignment(cls, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Does nothing: an assignment follows from the names of the members alone."""


def assignor_of(client: str) -> type[ShardAssignor]:
    """The assignor of one member: the group shows `client` and this release in the metadata of its subscription."""
    return type(ShardAssignor.__name__, (ShardAssignor,), {"user_data": _user_data(client, version("tocsin"), 0)})


def change_metadata(assignor: type[ShardAssignor]) -> None:
    """Let the next join of this member start a rebalance, as the group ignores the join of one that did not change."""
    client, release, joins = assignor.user_data.decode().split(SEPARATOR)
    assignor.user_data = _user_data(client, release, int(joins) + 1)


def _user_data(client: str, release: str, joins: int) -> bytes:
    return SEPARATOR.join((client, release, str(joins))).encode()

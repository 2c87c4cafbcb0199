"""The assignor: which worker watches which shard. Partition k of every topic goes to the same worker.

A shard's state is one: windows of a service that come from several topics meet in the shard of that number. Kafka's
round-robin assignor would spread them over workers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from aiokafka.cluster import ClusterMetadata  # type: ignore[import-untyped]
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor  # type: ignore[import-untyped]
from aiokafka.coordinator.protocol import (  # type: ignore[import-untyped]
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)


def owners(
    partitions: Mapping[str, Iterable[int]], subscribers: Mapping[str, Iterable[str]]
) -> dict[str, dict[str, list[int]]]:
    """Member -> topic -> partitions. Members are taken in order of name, so that static members keep their shards.

    >>> owners({"a": [0, 1], "b": [0, 1]}, {"a": ["w2", "w1"], "b": ["w1", "w2"]})
    {'w1': {'a': [0], 'b': [0]}, 'w2': {'a': [1], 'b': [1]}}
    """
    assigned: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for topic in sorted(partitions):
        members = sorted(subscribers[topic])
        for partition in sorted(partitions[topic]):
            assigned[members[partition % len(members)]][topic].append(partition)
    return {member: dict(topics) for member, topics in assigned.items()}


class ShardAssignor(AbstractPartitionAssignor):  # type: ignore[misc]
    """Kafka's side of `owners`. The group's leader runs it; all members of a group must name the same assignor."""

    name = "tocsin-shards"
    version = 0

    @classmethod
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
    def metadata(cls, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        return ConsumerProtocolMemberMetadata(cls.version, list(topics), b"")

    @classmethod
    def on_assignment(cls, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Nothing to remember: the next assignment follows from the members' names alone."""

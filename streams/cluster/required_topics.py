"""The topics of a worker: the input topics and Tocsin's own, with the numbers of partitions that sharding needs.

Shard k reads partition k of every input topic. There are as many shards as the input topic with the most partitions
has. A shard whose number a smaller input topic does not have reads nothing from that topic.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

import structlog
from faust.types import TP

from config.models import Config
from streams.cluster.compression import require_codecs
from streams.cluster.topics import TopicError, TopicSpec, ensure_topics, existing_partitions
from streams.contracts.channels import CHANNELS, Channel
from streams.kafka.settings import Security

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.required_topics")

ASK_EVERY_S = 0.2
ASK_TIMES = 50
NEW_PARTITIONS = 4
"""Partitions of an input topic where no input topic exists yet."""


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """shards: the number of shards. partitions: of the input topics and Tocsin's own, by topic.

    created: topics that were missing. grown: topics that had fewer partitions than shards, with the number they had.
    """

    shards: int
    partitions: Mapping[str, int]
    created: frozenset[str] = frozenset()
    grown: Mapping[str, int] = field(default_factory=dict)


async def prepare_topics(config: Config, security: Security) -> TopicPlan:
    """Create the topics that are missing, grow those of Tocsin's that have too few partitions, and log what was done.

    Raises `BrokerUnavailable`, `TopicError` when a topic can neither be created nor grown, and `MissingCodec`: a topic
    may hold records of any codec.
    """
    require_codecs()
    brokers = ",".join(config.kafka.brokers)
    inputs = [source.topic for source in config.inputs]
    own = {getattr(config.topics, channel.setting): channel for channel in CHANNELS}
    existing = await existing_partitions(brokers, security=security)
    before = {topic: count for topic, count in existing.items() if topic in own or topic in inputs}
    after = await ensure_topics(brokers, input_specs(inputs, before), security=security)
    differing = {} if len(set(after.values())) == 1 else dict(sorted(after.items()))
    if differing:
        log.warning(
            "input_partitions_differ", partitions=differing,
            consequence="records of one service may be in different shards, which do not know of each other",
            remedy="give all input topics the same number of partitions, and the service as the key of each record",
        )
    _warn_of_missing([topic for topic in inputs if topic not in existing], existing.keys() - before.keys())
    shards = max(after.values())
    after |= await ensure_topics(brokers, own_specs(own, shards, before, config), security=security)
    plan = TopicPlan(
        shards, after, frozenset(after.keys() - before.keys()),
        {name: count for name, count in before.items() if count < after[name]},
    )
    log.info(
        "topics_ready", shards=shards, created=sorted(plan.created), differing=differing,
        grown={name: [count, after[name]] for name, count in sorted(plan.grown.items())},
    )
    return plan


def _warn_of_missing(inputs: Sequence[str], others: Collection[str]) -> None:
    """An input topic that had to be created is empty: nobody writes to it yet, or its name is misspelt."""
    if inputs:
        near = {topic: found[0] for topic in inputs if (found := get_close_matches(topic, sorted(others), n=1))}
        log.warning(
            "input_topics_created", topics=sorted(inputs), near=near,
            reason="they did not exist: no producer has written to them yet, or their names in `inputs` are misspelt",
        )


def input_specs(inputs: Iterable[str], existing: Mapping[str, int]) -> list[TopicSpec]:
    """A missing input topic gets as many partitions as the largest input topic has. An existing one stays as it is."""
    inputs = tuple(inputs)
    partitions = max((existing[topic] for topic in inputs if topic in existing), default=NEW_PARTITIONS)
    return [TopicSpec(topic, partitions, at_least=1) for topic in inputs]


def own_specs(
    own: Mapping[str, Channel], shards: int, existing: Mapping[str, int], config: Config,
) -> list[TopicSpec]:
    """Tocsin's topics have a partition for each shard. Those whose partitions mean nothing (`at_least`) do not grow.

    Partition k of the ledger holds the claims of the intents in partition k of the actions. So these two have the same
    number of partitions, also where one of them had more than there are shards.
    """
    paired = (config.topics.actions, config.topics.ledger)
    most = max([shards, *(existing[topic] for topic in paired if topic in existing)])
    return [
        TopicSpec(
            topic, most if topic in paired else shards, channel.config, at_least=channel.at_least,
            grow=channel.at_least is None,
        )
        for topic, channel in own.items()
    ]


class RequiredTopics:
    """Keeps the topics in step with the input topics, to which partitions may be added at any time."""

    def __init__(self, config: Config, security: Security) -> None:
        self._config = config
        self._security = security
        self._inputs = frozenset(source.topic for source in config.inputs)
        self._plan: TopicPlan | None = None

    @property
    def plan(self) -> TopicPlan:
        """The last result of `prepare` or `grow`."""
        assert self._plan is not None, "prepare the topics first"
        return self._plan

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has, as last seen."""
        return self.plan.partitions[topic]

    async def prepare(self) -> TopicPlan:
        """See `prepare_topics`."""
        self._plan = await prepare_topics(self._config, self._security)
        return self._plan

    async def grow(self, assigned: Iterable[TP]) -> bool:
        """Prepare the topics again when an input partition was assigned that is new; returns whether that was so.

        Call it first of all in an assignment, before the shards are restored. Costs nothing when nothing was added.
        Raises as `prepare_topics` does, and `TopicError` when the broker keeps denying what was assigned.
        """
        inputs = [tp for tp in assigned if tp.topic in self._inputs]
        if _missing(inputs, self.plan.partitions) is None:
            return False
        await self._await_partitions(inputs)
        await self.prepare()
        return True

    async def _await_partitions(self, assigned: Collection[TP]) -> None:
        """Another broker may have told the group of a partition that the one that is asked does not know yet."""
        brokers, missing = ",".join(self._config.kafka.brokers), None
        for _ in range(ASK_TIMES):
            known = await existing_partitions(brokers, self._inputs, security=self._security)
            missing = _missing(assigned, known)
            if missing is None:
                return
            await asyncio.sleep(ASK_EVERY_S)
        assert missing is not None
        raise TopicError(
            f"{missing.topic}: partition {missing.partition} was assigned, and the broker says that there is none"
        )


def _missing(assigned: Iterable[TP], known: Mapping[str, int]) -> TP | None:
    return next((tp for tp in assigned if tp.partition >= known.get(tp.topic, 0)), None)

"""The role `execute` of a process: intents are executed in tasks of their own, one for each partition.

The agent of the transport only hands batches over. So a target that hangs holds back the intents of its own partition,
and neither the shards of this process nor other partitions. Guarantee on crash: that of the action worker; what was
handed over and not executed is read again. When partitions go, an intent that runs has until the end of the hand-over;
after that its claim is in doubt, and the next owner reports it as interrupted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from contextlib import AsyncExitStack
from functools import partial

import aiohttp
import structlog

from actions.by_hand import ByHand, apply
from actions.catalogue import build
from actions.executor import Executor
from classifiers.by_hand import ForTargets, ResetStorm
from config.models import Config
from streams.kafka.settings import KafkaSettings
from streams.state.ledger import TopicLedger
from streams.transport.batches import TP, RecordBatch
from streams.trust.setup import gate_of
from streams.worker.action_worker import SCOPE, ActionWorker, Ownership
from streams.worker.effects import Effects
from streams.worker.execute.partition_tasks import MAX_WAITING, PartitionTasks

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.execution")

SETTLE_S = 4.0
"""How long partitions that go wait for the intent that runs: less than the transport allows for a hand-over."""


class Execution:
    """Executes the intents of the partitions that this process owns. name: of this worker, in the ledger.

    by_hand: does what people ask for, made once the ledger is open.
    """

    def __init__(
        self, config: Config, settings: KafkaSettings, ownership: Ownership, effects: Effects, name: str,
        shard_count: Callable[[], int], by_hand: ByHand,
    ) -> None:
        self._config = config
        self._ownership = ownership
        self._effects = effects
        self._shard_count = shard_count
        self._by_hand = by_hand
        self.ledger = TopicLedger(settings.brokers, config.topics.ledger, owner=name, security=settings.security)
        self._worker: ActionWorker | None = None
        self._tasks = PartitionTasks(self._process)
        self._asked: asyncio.Queue[ForTargets] = asyncio.Queue(MAX_WAITING)

    async def open(self, resources: AsyncExitStack) -> None:
        """Read the ledger, and build the actions. Raises BrokerUnavailable."""
        await resources.enter_async_context(self.ledger)
        session = await resources.enter_async_context(aiohttp.ClientSession())
        config, effects = self._config, self._effects
        executor = Executor(
            build(config.actions.values(), session), self.ledger, config.limits, effects.clocks.now_s,
            config.executor.dry_run, partial(effects.audit.claimed, effects.publisher.output(SCOPE)),
            gate_of(config, effects.authenticity).refusal,
        )
        self._worker = ActionWorker(
            executor, self.ledger, self._ownership, effects, config.topics, self._shard_count,
        )
        resources.push_async_callback(self._stop)

    async def take(self, batch: RecordBatch) -> None:
        """Execute a batch of intents, some time."""
        await self._tasks.put(batch)

    async def assigned(self, tps: Collection[TP]) -> None:
        """These are all partitions now owned. What waited is read again; open claims of former owners are reported."""
        assert self._worker is not None
        await self._tasks.drop(self._tasks.partitions)
        await self._worker.recover({tp.partition for tp in tps})

    async def revoked(self, tps: Collection[TP]) -> None:
        """These partitions go."""
        await self._tasks.drop(tps, SETTLE_S)

    async def ask(self, directive: ForTargets) -> None:
        """Take what a person wants done to a target, if this process owns it."""
        if isinstance(directive, ResetStorm) or self._owns(directive.subject):
            await self._asked.put(directive)

    async def prune_ledger(self) -> None:
        """Until cancelled: see `ActionWorker.prune_ledger`."""
        assert self._worker is not None
        await self._worker.prune_ledger()

    async def fail(self) -> None:
        """Until cancelled: wait for the failure of a task, and raise it, so that the process ends."""
        await self._tasks.fail()

    async def serve_people(self) -> None:
        """Until cancelled: do what people ask for, one after another."""
        while True:
            directive = await self._asked.get()
            try:
                done = await apply(directive, self._by_hand)
                log.info("done_by_hand", id=directive.id, by=directive.by, done=done)
            except Exception:  # one that fails must not keep the others from being done
                log.exception("not_done_by_hand", id=directive.id, by=directive.by)

    def _owns(self, target: str) -> bool:
        return self._ownership.owns(TP(self._config.topics.actions, self.ledger.partition_of(target)))

    async def _process(self, batch: RecordBatch) -> None:
        assert self._worker is not None
        await self._worker.process_batch(batch)

    async def _stop(self) -> None:
        await self._tasks.drop(self._tasks.partitions)

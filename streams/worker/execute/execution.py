"""The role `execute` of a process: intents are executed, and what is in force at the targets is held and ended.

The agent of the transport only hands batches over, and each target has a queue of its own. So a target that hangs holds
back its own intents, and neither the shards of this process nor other targets. Guarantee on crash: that of the action
worker and of the ledger; what was handed over and not executed is read again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import aiohttp

from actions.catalogue import build
from actions.executor import Executor
from actions.hooks import Hooks
from actions.http_ok import HttpOk
from actions.limits import LimitParams
from actions.model import Intent
from actions.records import Services
from actions.remedies.by_hand import ByHand
from actions.remedies.incidents import KnownIncidents
from actions.trust.gate import Gate
from classifiers.by_hand import ForTargets, ResetStorm
from config import as_yaml
from config.models import Config
from streams.intake.kafka_record import ConsumerRecord
from streams.kafka.retry import while_unreachable
from streams.kafka.settings import KafkaSettings
from streams.state.ledger import TopicLedger
from streams.transport.batches import TP, RecordBatch
from streams.trust.bundle_signer import ProcessBundleSigner
from streams.trust.setup import gate_of, http_ok_hosts
from streams.worker.action_worker import SCOPE, ActionWorker, Ownership
from streams.worker.effects import Effects
from streams.worker.execute.by_hand_queue import ByHandQueue
from streams.worker.execute.record_store import KafkaRecords
from streams.worker.targets.remedy_loop import RemedyLoop, RemedyReporter


class Execution:
    """Executes the intents of the partitions that this process owns. name: of this worker, in the ledger.

    is_current: whether all incidents that were published are read.
    """

    def __init__(
        self, config: Config, settings: KafkaSettings, ownership: Ownership, effects: Effects, name: str,
        shard_count: Callable[[], int], is_current: Callable[[], bool],
    ) -> None:
        self._config = config
        self._ownership = ownership
        self._effects = effects
        self._shard_count = shard_count
        self._is_current = is_current
        self.ledger = TopicLedger(settings.brokers, config.topics.ledger, owner=name, security=settings.security)
        self._is_assigned = False
        self._worker: ActionWorker
        self._remedies: RemedyLoop
        self._by_hand: ByHandQueue
        self._executor: Executor

    async def open(self, resources: AsyncExitStack) -> None:
        """Read the ledger, and build the actions. Raises BrokerUnavailable."""
        await while_unreachable("read the ledger", lambda: resources.enter_async_context(self.ledger))
        session = await resources.enter_async_context(aiohttp.ClientSession())
        config, effects, incidents = self._config, self._effects, KnownIncidents()
        gate = gate_of(config, effects.authenticity)
        executor = Executor(
            build(config.actions.values(), session, self._services()), self.ledger, config.limits, effects.clocks.now_s,
            config.executor.dry_run, self._hooks(session, gate), incidents,
        )
        self._executor = executor
        hands = ByHand(executor.keeper, self.ledger, executor.rehearses, gate.refusal_by_hand)
        self._by_hand = ByHandQueue(hands, effects)
        self._remedies = RemedyLoop(
            executor.keeper, incidents, self.ledger, effects, self._certainly_owns, self._is_current,
        )
        self._worker = ActionWorker(
            executor, self.ledger, self._ownership, effects, config.topics, self._shard_count,
        )
        resources.push_async_callback(self._worker.queues.close)

    def reconfigure(self, limits: LimitParams) -> None:
        """Judge the next intents by other limits."""
        self._executor.limits = limits

    def tasks(self) -> Sequence[Coroutine[Any, Any, None]]:
        """What runs until cancelled, once it is open. One that raises must end the process."""
        return (
            self._worker.prune_ledger(), self._worker.queues.failure(), self._remedies.run(), self._by_hand.run(),
        )

    async def take(self, batch: RecordBatch) -> None:
        """Queue a batch of intents."""
        await self._worker.process_batch(batch)

    async def follow(self, records: Sequence[ConsumerRecord]) -> None:
        """Records of the incidents topic."""
        await self._remedies.follow(records)

    async def assigned(self, tps: Collection[TP]) -> None:
        """These are all partitions now owned. Open claims of former owners are reported."""
        await self._worker.recover({tp.partition for tp in tps})
        self._is_assigned = True

    async def ask(self, directive: ForTargets) -> None:
        """Take what a person wants done to a target, if this process owns it."""
        if isinstance(directive, ResetStorm) or self._owns(directive.subject):
            await self._by_hand.ask(directive)

    def _services(self) -> Services:
        signer = self._effects.authenticity.signer
        bundles = None if signer is None else ProcessBundleSigner(signer)
        return Services(KafkaRecords(self._config), bundles, as_yaml(self._config))

    def _hooks(self, session: aiohttp.ClientSession, gate: Gate) -> Hooks:
        effects = self._effects
        reporter = RemedyReporter(effects, self._config.topics, self._shard_count)

        def is_break_glass(intent: Intent) -> bool:
            return gate.approvals.is_break_glass(intent, effects.clocks.now_s())

        return Hooks(
            on_claimed=partial(effects.audit.claimed, effects.publisher.output(SCOPE)), forbids=gate.refusal,
            unmet=HttpOk(session, http_ok_hosts(self._config, gate)).unmet, report=reporter.report,
            break_glass=is_break_glass, holds_lease=self._ownership.holds_lease,
        )

    def _owns(self, target: str) -> bool:
        return self._ownership.owns(TP(self._config.topics.actions, self.ledger.partition_of(target)))

    def _certainly_owns(self, target: str) -> bool:
        return self._is_assigned and self._ownership.holds_lease() and self._owns(target)

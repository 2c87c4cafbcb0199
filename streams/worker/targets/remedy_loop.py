"""The remedy loop: once a second it does what is due for what is in force at the targets of this worker.

It follows the incidents, so that it knows which remedies still have somebody who needs them. Each remedy is handled in
a task of its own, so a target that hangs delays no other. Guarantee on crash and duplicate: those of
`actions/remedies/keeper.py`; a fault of the broker is logged, and the remedy is handled again at the next round.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from actions.ledger.remedy import BreakerState, Remedy
from actions.model import Outcome
from actions.remedies.incidents import KnownIncidents
from actions.remedies.keeper import RemedyKeeper
from actions.trust.keys import SignatureError
from config.models import TopicsSection
from streams.contracts.envelopes import WireError, outcome_message, read_incident
from streams.intake.kafka_record import ConsumerRecord
from streams.trust.incident_check import IncidentCheck
from streams.trust.refused_records import RefusedRecords, place_of
from streams.worker.effects import Effects

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.remedies")

ROUND_S = 1.0
SCOPE = "remedies"
"""The flush scope of what is reported about remedies."""
INEFFECTIVE = frozenset({"not_recovered", "inconclusive"})
"""Verdicts of the shard after which the same remedy waits longer, and at last is only suggested."""
NUMBERS: dict[BreakerState, int] = {"closed": 0, "half_open": 1, "open": 2, "forced_open": 3, "disabled": 4}


class Ledger(Protocol):
    """What the loop reads of the ledger."""

    def remedies(self) -> list[Remedy]: ...

    def storm_since_s(self) -> float | None: ...

    async def judge_ineffective(self, key: str, now_s: float) -> None: ...


class RemedyReporter:
    """Reports outcomes of the executor's own. shard_count: the number of all shards."""

    def __init__(self, effects: Effects, topics: TopicsSection, shard_count: Callable[[], int]) -> None:
        self._effects = effects
        self._topics = topics
        self._shard_count = shard_count
        self._output = effects.publisher.output(SCOPE)

    async def report(self, outcome: Outcome, shard: int | None) -> None:
        """Publish an outcome with its audit entry; both are acknowledged when this returns."""
        known = shard if shard is not None and shard < self._shard_count() else None
        message = outcome_message(outcome, self._effects.identity.source, known)
        try:
            signed = self._effects.authenticity.signed(self._topics.outcomes, message, "execute")
            await self._output.send(self._topics.outcomes, [signed])
            await self._effects.audit.remedy(self._output, outcome)
            await self._effects.publisher.flush(SCOPE)
        except Exception:
            # It is reported again: no failure of this one may stay in the account.
            self._effects.publisher.forget(SCOPE)
            raise


class RemedyLoop:
    """owns: whether this worker certainly owns a target now. is_current: whether all incidents are read."""

    def __init__(
        self, keeper: RemedyKeeper, incidents: KnownIncidents, ledger: Ledger, effects: Effects,
        owns: Callable[[str], bool], is_current: Callable[[], bool],
    ) -> None:
        self._keeper = keeper
        self._incidents = incidents
        self._ledger = ledger
        self._effects = effects
        self._owns = owns
        self._is_current = is_current
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._refusals = RefusedRecords(effects.clocks.mono_s)
        self._check = IncidentCheck(effects.authenticity, effects.clocks.wall_s)

    async def follow(self, records: Sequence[ConsumerRecord]) -> None:
        """Records of the incidents topic; one that cannot be read is skipped, its reader logs it.

        Where there are keys, an incident that no key of the role worker signed is ignored and counted.
        """
        for record in records:
            if record.value is None:
                continue
            try:
                incident = read_incident(record.value)
            except WireError:
                continue
            if not self._is_authentic(record, incident.id):
                continue
            self._incidents.observe(incident, self._keeper.now_s())
            for verdict in incident.remedies:
                if verdict.state in INEFFECTIVE and self._owns(verdict.target):
                    await self._ledger.judge_ineffective(verdict.key, self._effects.clocks.now_s())

    def _is_authentic(self, record: ConsumerRecord, claimed: str) -> bool:
        try:
            self._check.check(record.topic, record, claimed)
        except SignatureError as error:
            self._effects.telemetry.ignored("incident", error.reason)
            place = place_of(record.topic, record.partition, record.offset)
            self._refusals.entry(place, claimed, error, record.timestamp / 1000.0)
            return False
        return True

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                self.round()
                await asyncio.sleep(ROUND_S)
        finally:
            for task in self._tasks.values():
                task.cancel()

    def round(self) -> list[asyncio.Task[None]]:
        """Begin what is due, and report what is in force. Returns the tasks that it began."""
        if self._is_current():
            self._incidents.saw(self._keeper.now_s())
        owned = [remedy for remedy in self._ledger.remedies() if self._owns(remedy.target)]
        begun = [
            self._begin(remedy) for remedy in owned
            if remedy.key not in self._tasks and self._keeper.due(remedy) is not None
        ]
        self._measure(owned)
        return begun

    def _begin(self, remedy: Remedy) -> asyncio.Task[None]:
        task = asyncio.create_task(self._handle(remedy))
        self._tasks[remedy.key] = task
        task.add_done_callback(lambda _: self._tasks.pop(remedy.key, None))
        return task

    async def _handle(self, remedy: Remedy) -> None:
        try:
            await self._keeper.handle(remedy.kind, remedy.target)
        except Exception as error:
            log.exception(
                "remedy_not_handled", kind=remedy.kind, target=remedy.target, incident_id=remedy.intent.incident_id,
                reason=repr(error),
            )

    def _measure(self, owned: Sequence[Remedy]) -> None:
        counts = Counter(remedy.kind for remedy in owned if remedy.in_force)
        kinds = {remedy.kind: counts[remedy.kind] for remedy in owned}
        breakers = {remedy.target: NUMBERS[remedy.breaker.state] for remedy in owned if remedy.breaker is not None}
        self._effects.telemetry.remedies(kinds, breakers, self._ledger.storm_since_s() is not None)

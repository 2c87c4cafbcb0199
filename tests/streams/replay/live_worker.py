"""Workers that own shard 0 one after another, live, and the recording of their topics that `tocsin replay` reads.

The workers have keys and a replay has none. Before each outcome stands a forged one that says the opposite.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from actions.model import Intent
from actions.trust.keys import KeyRing, PublicKey, Signer
from classifiers.model import Incident
from streams.contracts.envelopes import Message, outcome_message, read_incident, read_intent
from streams.contracts.signatures import sign_message
from streams.intake.kafka_record import KafkaRecord
from streams.shard.plan import Plan
from streams.transport.batches import TP, RecordBatch
from streams.trust.authenticity import Authenticity
from tests.simulation.fleet import Behaviour, fleet, steady
from tests.streams.fakes import LATENCY, T, outcome, record_of
from tests.streams.replay.topic_files import kcat_line, write_lines
from tests.streams.worker.fixtures import TOPICS, FakeStore, WorkerFixture

EXECUTOR = Signer("x1", Ed25519PrivateKey.generate())
KEYS = Authenticity(
    KeyRing([PublicKey("x1", EXECUTOR.private.public_key(), frozenset({"execute"}))]), "/tocsin/test",
)


def answer(intent: Intent) -> Message:
    """The outcome of an intent that was executed, signed."""
    return sign_message(TOPICS.outcomes, outcome_message(outcome(intent), "/tocsin/test", 0), EXECUTOR)


def forged(intent: Intent) -> Message:
    """An outcome that nobody signed."""
    return outcome_message(outcome(intent, "failed"), "/tocsin/test", 0)


class LiveShard:
    """Shard 0 of a live installation over a fake log. Each step is a second of true time."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.fleet = fleet(plan)
        self.topics: dict[str, list[KafkaRecord]] = {LATENCY: [], TOPICS.outcomes: []}
        self.worker = WorkerFixture(plan=plan, now_s=T, authenticity=KEYS)
        self.committed = dict.fromkeys(self.topics, 0)
        self.answered = 0

    async def open(self) -> None:
        """The present worker takes shard 0 over, and reads what its state does not contain."""
        shard = await self.worker.open()
        for topic, records in self.topics.items():
            await self._process(topic, records[shard.offsets.get(topic, self.committed[topic]) :])

    async def play(self, seconds: int, behaviour: Behaviour = steady) -> None:
        """So many seconds of the fleet. Every intent is executed, and answered a second later."""
        for _ in range(seconds):
            records: list[KafkaRecord] = list(self.fleet.next_second(behaviour))
            self.topics[LATENCY] += records
            self.worker.now_s = self.fleet.now_s
            await self._process(LATENCY, records)
            await self._answer()
            self.worker.mono_s += 1.0
            await self.worker.manager.tick()

    async def stop_traffic(self, seconds: int) -> None:
        """No record comes."""
        await self.worker.pass_time(seconds)
        self.fleet.second += seconds

    async def take_over(self, keep_state: bool = True) -> None:
        """Another worker owns the shard, which the former stored three seconds ago. keep_state: else it is lost."""
        self.worker.mono_s += 5.0
        await self.worker.manager.store_due()
        await self.worker.manager.publish(0)
        await self.worker.manager.store_due()
        self.committed = {topic: self.worker.transport.released.get(TP(topic, 0), 0) for topic in self.topics}
        await self.play(3)
        store = self.worker.store if keep_state else FakeStore()
        self.worker = WorkerFixture(
            plan=self.plan, now_s=self.worker.now_s, log=self.worker.log, store=store, authenticity=KEYS,
        )
        await self.open()

    async def resolve_lost(self) -> None:
        """Once a state was lost: its open incidents end."""
        self.worker.manager.reconcile({0: [one for one in self.last().values() if one.state != "resolved"]}, shards=1)
        await self.worker.manager.tick()

    def on(self, topic: str) -> list[Message]:
        """What was published on a topic."""
        return self.worker.log.on(topic)

    def last(self) -> dict[str, Incident]:
        """The last published state of each incident."""
        return {one.id: one for one in (read_incident(message.value) for message in self.on(TOPICS.incidents))}

    def record(self, folder: Path) -> Path:
        """Write the topics as `kcat -J` does, one file each. A marker of its transaction is after each tick."""
        folder.mkdir()
        ticks = [kcat_line(TOPICS.ticks, 0, 2 * at, tick.value) for at, tick in enumerate(self.on(TOPICS.ticks))]
        write_lines(folder / f"{TOPICS.ticks}.jsonl", ticks)
        for topic, records in self.topics.items():
            write_lines(folder / f"{topic}.jsonl", [kcat_line(topic, 0, one.offset, one.value) for one in records])
        incidents = [kcat_line(TOPICS.incidents, 0, at, one.value) for at, one in enumerate(self.on(TOPICS.incidents))]
        write_lines(folder / f"{TOPICS.incidents}.jsonl", incidents)
        return folder

    async def _answer(self) -> None:
        intents = [read_intent(message.value) for message in self.on(TOPICS.actions)][self.answered :]
        self.answered += len(intents)
        first = len(self.topics[TOPICS.outcomes])
        written = [message for intent in intents for message in (forged(intent), answer(intent))]
        answers = [record_of(message, TOPICS.outcomes, 0, first + at) for at, message in enumerate(written)]
        self.topics[TOPICS.outcomes] += answers
        await self._process(TOPICS.outcomes, answers)

    async def _process(self, topic: str, records: Sequence[KafkaRecord]) -> None:
        if records:
            batch = RecordBatch(topic, 0, list(records), records[0].offset, records[-1].offset)
            await self.worker.processor.process(batch)

"""An outcome that was not signed by the role that reports its status does not reach the shard."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import get_args

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from actions.model import Outcome, Status
from actions.trust.keys import KeyRing, PublicKey, Signer
from streams.contracts.envelopes import Message, outcome_message, read_audit
from streams.contracts.signatures import sign_message
from streams.pipeline import Shard
from streams.transport.batches import RecordBatch
from streams.trust.authenticity import Authenticity
from streams.trust.refusal_quota import MOST
from tests.streams.fakes import T, intent, outcome
from tests.streams.records import FakeRecord
from tests.streams.worker.fixtures import TOPICS, WorkerFixture

SOURCE = "/tocsin/test"
EXECUTOR, RESPOND, FORMER, STRANGER = (
    Signer(name, Ed25519PrivateKey.generate()) for name in ("x1", "r1", "x0", "x1")
)
KEYS = Authenticity(KeyRing([
    PublicKey("x1", EXECUTOR.private.public_key(), frozenset({"execute"})),
    PublicKey("r1", RESPOND.private.public_key(), frozenset({"respond"})),
    PublicKey("x0", FORMER.private.public_key(), frozenset({"execute"}), until_s=T),
]), SOURCE)
ANSWERS = ("approved", "rejected", "withdrawn", "void")


def message(status: Status, signer: Signer | None, source: str = SOURCE, key: str = "k1") -> Message:
    plain = outcome_message(outcome(intent(key), status), source, 0)
    return plain if signer is None else sign_message(TOPICS.outcomes, plain, signer)


def record(of: Message, offset: int = 0, at_s: float = T + 1.0) -> FakeRecord:
    return FakeRecord(of.value, offset, TOPICS.outcomes, 0, int(at_s * 1000), of.key, of.headers)


class ListeningShard(Shard):
    """A shard that lists the keys of the outcomes that it got."""

    got: list[str]

    def add_outcomes(self, topic: str, outcomes: Iterable[Outcome], next_offset: int) -> None:
        outcomes = list(outcomes)
        self.got += [each.key for each in outcomes]
        super().add_outcomes(topic, outcomes, next_offset)


class Fixture(WorkerFixture):
    """A worker whose shard 0 reads outcomes."""

    async def take(self, *records: FakeRecord) -> list[str]:
        """The keys of the outcomes that the shard got of this batch."""
        shard = self.owner.shard if self.manager.owners else await self.open()
        shard.__class__ = ListeningShard
        assert isinstance(shard, ListeningShard)
        shard.got = []
        await self.processor.process(RecordBatch(TOPICS.outcomes, 0, records, records[0].offset, records[-1].offset))
        return shard.got

    def trail(self) -> list[str]:
        """What the audit says of refused records."""
        entries = [read_audit(each.value) for each in self.log.on(TOPICS.audit)]
        return [f"{entry.subject}: {entry.reason}" for entry in entries if entry.event == "refused"]


@pytest.mark.parametrize("status", get_args(Status))
async def test_each_status_counts_only_from_the_role_that_reports_it(status: Status) -> None:
    executor, respond = await asyncio.gather(*(
        Fixture(authenticity=KEYS).take(record(message(status, signer))) for signer in (EXECUTOR, RESPOND)
    ))
    assert bool(executor) == (status not in ANSWERS)
    assert bool(respond) == (status in (*ANSWERS, "expired"))


@pytest.mark.parametrize(("signer", "source", "fault"), [
    (None, SOURCE, "unsigned"), (STRANGER, SOURCE, "bad_signature"), (FORMER, SOURCE, "expired_key"),
    (EXECUTOR, "/tocsin/other", "bad_signature"),
])
async def test_what_is_not_authentic_is_ignored_counted_and_in_the_audit(
    signer: Signer | None, source: str, fault: str,
) -> None:
    worker = Fixture(authenticity=KEYS)
    forged = record(message("failed", signer, source, "k-forged"), 7)
    assert await worker.take(forged, record(message("executed", EXECUTOR), 8)) == ["k1"]
    assert worker.exposes(f'tocsin_records_unauthentic_total{{reason="{fault}",record="outcome"}} 1.0')
    await worker.pass_time(2.0)
    (entry,) = worker.trail()
    assert entry.startswith(f"{TOPICS.outcomes}[0]@7: a record that names 'k-forged': ")
    assert [tick.ignored for tick in worker.log.ticks() if tick.ignored] == [((7, 8),)]


async def test_an_outcome_counts_that_was_signed_while_its_key_was_valid() -> None:
    worker = Fixture(authenticity=KEYS)
    assert await worker.take(record(message("executed", FORMER), at_s=T - 1.0)) == ["k1"]


async def test_a_record_that_cannot_be_read_is_a_dead_letter_only_if_it_is_signed() -> None:
    worker = Fixture(authenticity=KEYS)
    broken = replace(message("executed", None), value=b"{", headers=(("ce_source", SOURCE.encode()),))
    await worker.take(record(broken), record(sign_message(TOPICS.outcomes, broken, RESPOND), 1))
    await worker.pass_time(2.0)
    assert len(worker.trail()) == len(worker.log.on(TOPICS.dead_letters)) == 1


async def test_a_flood_is_written_down_up_to_the_quota_and_makes_no_tick_large() -> None:
    worker = Fixture(authenticity=KEYS)
    forged = message("failed", None)
    assert await worker.take(*(record(forged, offset) for offset in range(MOST + 50))) == []
    await worker.pass_time(2.0)
    assert len(worker.trail()) == MOST
    assert [tick.ignored for tick in worker.log.ticks() if tick.ignored] == [((0, MOST + 50),)]


async def test_without_keys_every_outcome_counts() -> None:
    worker = Fixture()
    assert await worker.take(record(message("executed", None)), record(message("approved", STRANGER, key="k2"), 1)) == [
        "k1", "k2",
    ]

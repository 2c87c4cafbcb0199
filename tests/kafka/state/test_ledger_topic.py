"""The ledger in a topic: one winner per key, whoever asks, and whatever crashed before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from actions.ledger.ledger import Ledger
from actions.model import Intent, Outcome, Status
from actions.remedies.changes import begun
from streams.cluster.topics import TopicSpec, ensure_topics
from streams.contracts.channels import COMPACTED
from streams.state.ledger import TopicLedger
from tests.kafka.conftest import Broker
from tests.kafka.harness import unique

Open = Callable[[str], TopicLedger]


def intent(key: str, target: str = "chat") -> Intent:
    return Intent(key, "i1", "circuit_breaker", target, "auto", "a test", 100.0, 200.0, "chat")


def outcome(of: Intent, status: Status = "executed") -> Outcome:
    return Outcome(of.key, of.incident_id, of.kind, of.target, of.mode, status, "done", of.decided_at_s, 110.0)


@pytest_asyncio.fixture
async def opened(broker: Broker) -> AsyncIterator[Open]:
    topic = unique("ledger")
    await ensure_topics(broker.address, [TopicSpec(topic, 4, COMPACTED)])
    yield lambda owner: TopicLedger(broker.address, topic, owner=owner)


class TestTopicLedger:
    async def test_of_two_contenders_exactly_one_wins_each_key(self, opened: Open) -> None:
        async with opened("a") as one, opened("b") as other:
            as_protocol: Ledger = one
            for number in range(10):
                wanted = intent(f"k{number}", f"target-{number}")
                claims = await asyncio.gather(
                    as_protocol.claim(wanted, 101.0), other.claim(wanted, 101.0), one.claim(wanted, 101.0)
                )
                assert [c.won for c in claims].count(True) == 1
                assert all(c.state == "claimed" for c in claims if not c.won)

    async def test_a_claim_without_an_outcome_is_interrupted_and_never_won_again(self, opened: Open) -> None:
        open_intent, done = intent("open"), intent("done", "other")
        async with opened("a") as crashed:
            assert (await crashed.claim(open_intent, 101.0)).won
            assert (await crashed.claim(done, 101.0)).won
            await crashed.finish(outcome(done))

        async with opened("b") as heir:
            elsewhere = {0, 1, 2, 3} - {heir.partition_of(open_intent.target)}
            assert await heir.recover(elsewhere) == []
            interrupted = await heir.recover({heir.partition_of(open_intent.target)})
            assert [(o.key, o.status) for o in interrupted] == [("open", "interrupted")]
            assert not (await heir.claim(open_intent, 150.0)).won

        async with opened("c") as later:
            assert await later.recover() == []
            again = await later.claim(open_intent, 160.0)
            assert not again.won
            assert again.earlier == interrupted[0]
            repeated = await later.claim(done, 160.0)
            assert repeated.earlier == outcome(done)

    async def test_a_running_claim_of_the_same_worker_is_not_interrupted_by_a_rebalance(self, opened: Open) -> None:
        async with opened("a") as ledger:
            assert (await ledger.claim(intent("mine"), 101.0)).won
            assert await ledger.recover() == []
            ledger.abandon("mine")
            assert [o.key for o in await ledger.recover()] == ["mine"]

    async def test_limits_and_the_storm_brake_count_the_whole_fleet(self, opened: Open) -> None:
        async with opened("a") as one:
            for number in range(3):
                wanted = intent(f"k{number}", f"target-{number}")
                await one.claim(wanted, 101.0)
                await one.finish(outcome(wanted))
            await one.trip_storm(120.0)
        async with opened("b") as other:
            assert other.executed_since(100.0) == 3
            assert other.last_executed_s("circuit_breaker", "target-1") == 110.0
            assert other.storm_since_s() == 120.0
            await other.reset_storm(130.0)
        async with opened("c") as third:
            assert (third.storm_since_s(), third.storm_reset_s()) == (None, 130.0)

    async def test_of_two_writers_of_one_version_of_a_remedy_the_first_counts_for_every_reader(
        self, opened: Open,
    ) -> None:
        async with opened("a") as one, opened("b") as other:
            first = begun(None, intent("k1"), 600.0, 2, 101.0)
            assert first is not None
            assert await one.put_remedy(first)
            await other.recover([])  # reads up to the end
            won = await asyncio.gather(
                one.put_remedy(replace(first, version=2, reason="a")),
                other.put_remedy(replace(first, version=2, reason="b")),
            )
            assert sorted(won) == [False, True]
            await other.recover([])
        async with opened("c") as later:
            found = later.remedy("circuit_breaker", "chat")
            assert found is not None
            assert (found.version, found.reason, found.holders[0].shard) == (2, "a" if won[0] else "b", 2)

    async def test_what_is_forgotten_is_gone_from_the_log(self, opened: Open) -> None:
        async with opened("a") as ledger:
            await ledger.claim(intent("old"), 101.0)
            await ledger.finish(outcome(intent("old")))
            await ledger.claim(intent("young"), 101.0)
            await ledger.recover()  # reads up to the end, so that the keys in the log are known
            assert await ledger.forget(111.0) == 1
        async with opened("b") as later:
            assert later.lookup("young") is not None

    async def test_a_failed_read_of_the_log_is_not_its_end(self, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
        async with opened("a") as ledger:
            getmany, failures = ledger._reader.getmany, 0

            async def fails_once(timeout_ms: int) -> Any:
                nonlocal failures
                failures += 1
                if failures == 1:
                    raise KafkaError("no answer")
                return await getmany(timeout_ms=timeout_ms)

            monkeypatch.setattr(ledger._reader, "getmany", fails_once)
            assert (await ledger.claim(intent("k"), 101.0)).won
            assert (await ledger.claim(intent("l"), 101.0)).won
            assert failures > 1

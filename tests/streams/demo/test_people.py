"""The simulated person of the demo signs what a responder and an executor accept, at the clock of the demo."""

from __future__ import annotations

import asyncio
import stat
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer  # type: ignore[import-untyped]

from actions.approvals.decide import signed_decision
from actions.approvals.request import ApprovalRequest, request_of
from actions.model import ApprovalTerms
from actions.trust.approvals import ApprovalCheck
from classifiers.by_hand import Decide
from config.load import examine
from config.trust.build import directory_of, ring_of
from streams.cluster.embedded_broker import EmbeddedBroker
from streams.contracts.envelopes import source_of
from streams.contracts.people.records import verify_by_hand
from streams.demo.people import APPROVES_AFTER_S, PERSON, Signed, approve_what_waits, write_config
from streams.demo.scoring import read_truth
from streams.demo.state import DemoState
from streams.worker.wall_clock import WallClock
from tests.streams.demo.states import FOLDER, intent

pytest.importorskip("confluent_kafka")

FAST = WallClock(anchor_s=1_700_000_000.0, speed=10.0)
"""Years ahead of the wall clock by now: what is dated by the wall clock is refused."""


@pytest.fixture
def signed(tmp_path: Path) -> Signed:
    return write_config(tmp_path)


def asked(ago_s: float, key: str = "k") -> ApprovalRequest:
    at_s = FAST.now() - ago_s
    waits = replace(
        intent(key, "i", "rollback", "serving/bytegpt", 0.0), mode="suggest", digest="d1", approval=ApprovalTerms(),
        decided_at_s=at_s,
    )
    return request_of(waits, 0, 1, at_s)


async def written(demo: DemoState, signed: Signed) -> Any:
    """The first control record that the person writes."""
    with EmbeddedBroker() as brokers:
        reader = AIOKafkaConsumer("tocsin.control", bootstrap_servers=brokers, auto_offset_reset="earliest")
        await reader.start()
        task = asyncio.create_task(approve_what_waits(brokers, demo, signed, FAST))
        try:
            return await asyncio.wait_for(reader.getone(), 20.0)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await reader.stop()


async def test_a_request_that_waited_is_approved_with_a_decision_that_counts_at_the_clock_of_the_demo(
    signed: Signed,
) -> None:
    demo, request = DemoState(read_truth(FOLDER), 10.0), asked(APPROVES_AFTER_S)
    demo.requests = {"soon": asked(-3600.0, "soon"), "over": replace(request, key="over", state="void"), "k": request}

    record = await written(demo, signed)

    config, _ = examine(signed.config, {})
    ring, source = ring_of(config.people, config.signing), source_of(config.kafka.group)
    directive = verify_by_hand(record, config.topics.control, source, ring, config.control.max_skew_s)
    assert isinstance(directive, Decide)
    assert (directive.by, directive.intent_key) == (PERSON, "k")
    check = ApprovalCheck(directory_of(config.people, config.owners_of), ring, source)
    decision = signed_decision(directive)
    assert check.fault(decision, request.intent, request.terms, record.timestamp / 1000.0) is None
    assert check.lacking(replace(request.intent, decisions=(decision,)), request.terms, FAST.now()) is None


def test_the_keys_of_a_run_are_readable_by_their_owner_alone_and_nothing_is_to_be_warned_of(signed: Signed) -> None:
    _, warnings = examine(signed.config, {})

    assert warnings == ()
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in signed.config.parent.glob("*.key")}
    assert modes == {"demo.key": 0o600, f"{PERSON}.key": 0o600}

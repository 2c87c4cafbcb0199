"""What people ask for at targets is done in order; what is refused is audited, and what fails holds up nothing."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from actions.ledger.ledger import MemoryLedger
from actions.model import Intent
from actions.remedies.by_hand import ByHand
from actions.trust.roles import Verb
from classifiers.by_hand import ForTargets, SetBreaker
from streams.contracts.envelopes import read_audit
from streams.worker.execute.by_hand_queue import ByHandQueue
from tests.actions.remedies.target_bench import TargetBench
from tests.streams.fakes import T
from tests.streams.worker.fixtures import TOPICS, WorkerFixture


async def serve(queue: ByHandQueue, *asked: ForTargets) -> None:
    """Let the queue do what is asked for."""
    for directive in asked:
        await queue.ask(directive)
    task = asyncio.create_task(queue.run())
    for _ in range(50):
        await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_refusal_is_audited_once_under_one_id_and_holds_up_nothing() -> None:
    worker, bench = WorkerFixture(now_s=T), TargetBench()

    def forbids(_by: str, _verb: Verb, intent: Intent) -> str | None:
        if intent.target == "broken/r0":
            raise OSError("gone")
        return "not on the executor's allow-list" if intent.service == "billing" else None

    queue = ByHandQueue(ByHand(bench.executor.keeper, bench.ledger, forbids=forbids), worker.effects)
    at_s = bench.clock.now_s + 1.0
    asked = [SetBreaker(target, "force_open", "ben", at_s) for target in ("broken/r0", "billing/r0", "chat/r0")]
    await serve(queue, *asked)
    assert isinstance(bench.ledger, MemoryLedger)
    assert [one.target for one in bench.ledger.remedies()] == ["chat/r0"]
    (message,) = worker.sent.on(TOPICS.audit)
    entry = read_audit(message.value)
    assert (entry.subject, entry.event, entry.actor, entry.at_s) == (asked[1].id, "refused", "ben", at_s)
    assert entry.reason == "not on the executor's allow-list (executor)"
    await serve(queue, asked[1])
    ids = [dict(each.headers)["ce_id"] for each in worker.sent.on(TOPICS.audit)]
    assert (len(ids), len(set(ids))) == (2, 1)

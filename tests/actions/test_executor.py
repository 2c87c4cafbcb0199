"""The executor: which check refuses an intent, in which order, and what is reported."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from actions.base import MAX_TIMEOUT_S, Bounds, Refusal, TargetError
from actions.executor import Executor
from actions.hooks import Hooks
from actions.ledger.ledger import MemoryLedger
from actions.ledger.records import LedgerRecord
from actions.ledger.view import Claim
from actions.limits import LimitParams
from actions.model import Intent, Mode, Outcome
from actions.running import deadline_of
from tests.actions.cases import NOW_S, Clock, FakeAction, intent


class Bench:
    """An executor over fakes."""

    def __init__(
        self, limits: LimitParams | None = None, *, dry_run: bool = False, bounds: Bounds | None = None
    ) -> None:
        self.action, self.notify = FakeAction(bounds=bounds), FakeAction("notify")
        self.throttle = FakeAction("throttle", bounds=bounds)
        self.clock, self.ledger = Clock(), MemoryLedger()
        actions = {"circuit_breaker": self.action, "notify": self.notify, "throttle": self.throttle}
        self.executor = Executor(actions, self.ledger, limits or LimitParams(), self.clock, dry_run)

    async def execute(self, of: Intent) -> Outcome:
        return await self.executor.execute(of)


def throttle(key: str, **changes: object) -> Intent:
    return intent(key, kind="throttle", expires_at_s=NOW_S + 3600.0, decided_at_s=NOW_S + 50.0, **changes)


async def test_allowed_intent_runs_once_and_is_recorded() -> None:
    bench = Bench()
    outcome = await bench.execute(intent())
    assert (outcome.status, outcome.detail, outcome.data["n"], outcome.done_at_s) == ("executed", "done", 1, NOW_S)
    assert [getattr(record, "event", "remedy") for record in bench.ledger.log] == [
        "claimed", "remedy", "finished", "remedy",
    ]


async def test_duplicate_names_the_earlier_outcome_and_runs_nothing() -> None:
    bench = Bench()
    await bench.execute(intent())
    again = await bench.execute(intent())
    assert (again.status, again.data["earlier_status"], again.data["earlier_at_s"]) == ("duplicate", "executed", NOW_S)
    assert bench.action.effects == 1


@pytest.mark.parametrize(("mode", "status"), [("observe", "observed"), ("suggest", "suggested")])
async def test_modes_below_auto_run_nothing_and_leave_the_key_unclaimed(mode: Mode, status: str) -> None:
    bench = Bench()
    assert (await bench.execute(intent(mode=mode))).status == status
    assert (bench.action.runs, bench.ledger.log) == ([], [])
    assert (await bench.execute(intent(mode="auto"))).status == "executed"


@pytest.mark.parametrize(("refused", "status", "word"), [
    (intent(expires_at_s=NOW_S), "expired", "expired"),
    (intent(decided_at_s=NOW_S - 121), "refused", "stale"),
    (intent(decided_at_s=NOW_S + 121), "refused", "future"),
    (intent(kind="teleport"), "refused", "no action 'teleport'"),
])
async def test_refusals_run_nothing_and_are_final(refused: Intent, status: str, word: str) -> None:
    bench = Bench()
    outcome = await bench.execute(refused)
    assert outcome.status == status
    assert word in outcome.detail
    assert (await bench.execute(intent())).status == "duplicate"
    assert bench.action.runs == []


async def test_undo_of_what_cannot_be_undone_is_refused() -> None:
    bench = Bench()
    bench.action.reversible = False
    assert (await bench.execute(intent(undo=True))).status == "refused"


async def test_cooldown_applies_to_the_same_target_and_to_no_undo() -> None:
    bench = Bench()
    await bench.execute(throttle("a"))
    bench.clock.now_s += 10
    assert (await bench.execute(throttle("b", undo=True))).status == "executed"
    assert (await bench.execute(throttle("c"))).status == "cooldown"
    bench.clock.now_s += 300
    later = replace(throttle("d"), decided_at_s=bench.clock.now_s)
    assert (await bench.execute(later)).status == "executed"


async def test_a_failed_run_takes_no_cooldown_and_a_step_has_two_attempts() -> None:
    bench = Bench()
    bench.throttle.faults = [TargetError("500", retryable=True)] * 6
    bench.throttle.forgets = True
    statuses = [
        (await bench.execute(throttle(f"k{n}", step_id="contain", attempt=n))).status for n in (1, 2, 3)
    ]
    assert statuses == ["failed", "failed", "refused"]
    assert (await bench.execute(throttle("next", step_id="harder"))).status == "executed"


async def test_a_storm_trips_the_brake_until_its_reset_but_notices_and_undos_still_run() -> None:
    bench = Bench(LimitParams(storm_actions=2, fleet_share=1.0))
    outcomes = [
        await bench.execute(intent(f"k{n}", target=f"chat/r{n}", params={"fleet_size": 9})) for n in range(4)
    ]
    assert [each.status for each in outcomes] == ["executed", "executed", "suggested", "suggested"]
    assert [each.data.get("page") for each in outcomes] == [None, None, "storm", None]
    assert bench.ledger.storm_since_s() == NOW_S
    assert (await bench.execute(intent("notice", kind="notify"))).status == "executed"
    assert (await bench.execute(intent("undo", target="chat/r0", undo=True))).status == "executed"
    bench.clock.now_s += 1
    await bench.ledger.reset_storm(bench.clock.now_s)
    assert (await bench.execute(intent("after", target="chat/r8", params={"fleet_size": 9}))).status == "executed"


async def test_dry_run_rehearses_without_a_claim_and_counts_for_no_limit() -> None:
    bench = Bench(dry_run=True)
    assert (await bench.execute(intent())).status == "dry_run"
    assert bench.action.runs == [("k1", True)]
    assert [getattr(record, "event", "remedy") for record in bench.ledger.log] == ["finished"]
    assert bench.ledger.executed_since(0) == 0


async def test_failed_rehearsal_is_reported_and_counts_for_no_limit() -> None:
    bench = Bench(dry_run=True)
    bench.action.faults = [TargetError("no such replica", retryable=False)]
    outcome = await bench.execute(intent())
    assert (outcome.status, outcome.detail) == ("dry_run", "the rehearsal was failed: no such replica")
    assert bench.ledger.executed_since(0) == 0


async def test_one_action_can_be_rehearsed_alone() -> None:
    bench = Bench(bounds=Bounds(dry_run=True))
    assert (await bench.execute(intent())).status == "dry_run"
    assert (await bench.execute(intent("n", kind="notify"))).status == "executed"


async def test_retryable_fault_is_retried_within_the_attempts() -> None:
    bench = Bench()
    bench.action.faults = [TargetError("busy", retryable=True)] * 2
    assert (await bench.execute(intent())).status == "executed"
    assert bench.action.effects == 1


async def test_retries_end_with_the_attempts() -> None:
    bench = Bench()
    bench.action.faults = [TargetError("busy", retryable=True)] * 9
    outcome = await bench.execute(intent())
    assert (outcome.status, outcome.detail, len(bench.action.faults)) == ("failed", "busy", 6)


@pytest.mark.parametrize(("fault", "status", "word"), [
    (TargetError("no such replica", retryable=False), "failed", "no such replica"),
    (Refusal("already on v1"), "refused", "already on v1"),
    (ZeroDivisionError("oops"), "failed", "ZeroDivisionError: oops"),
])
async def test_fault_that_no_retry_helps_ends_the_run(fault: Exception, status: str, word: str) -> None:
    bench = Bench()
    bench.action.faults = [fault, fault]
    outcome = await bench.execute(intent())
    assert (outcome.status, len(bench.action.faults)) == (status, 1)
    assert word in outcome.detail


async def test_run_that_hangs_ends_with_its_total_time() -> None:
    bench = Bench(bounds=Bounds(timeout_s=0.02))
    bench.action.hangs = True
    outcome = await bench.execute(intent())
    assert (outcome.status, bench.action.effects) == ("failed", 1)
    assert "it may have run" in outcome.detail


async def test_the_timeout_of_the_step_is_the_deadline_of_its_run_instead_of_that_of_the_action() -> None:
    bench = Bench()
    bench.action.hangs = True
    outcome = await bench.execute(intent(params={"timeout_s": 0.02}))
    assert (outcome.status, outcome.detail) == ("failed", "no answer within 0.02 s; it may have run")


@pytest.mark.parametrize(("asked", "deadline_s"), [
    (20.0, 20.0), (7_200.0, MAX_TIMEOUT_S), (None, 1.0), (0.0, 1.0), (True, 1.0), ("20", 1.0), (float("nan"), 1.0),
])
def test_a_deadline_that_is_no_positive_number_is_that_of_the_action(asked: object, deadline_s: float) -> None:
    assert deadline_of(FakeAction(), intent(params={"timeout_s": asked})) == deadline_s


async def test_cancelled_run_is_interrupted_when_it_comes_again() -> None:
    bench = Bench()
    bench.action.hangs = True
    started = asyncio.Event()
    bench.action.on_run = started.set
    task = asyncio.create_task(bench.execute(intent()))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await bench.execute(intent())).status == "interrupted"
    assert (await bench.execute(intent())).status == "duplicate"
    assert bench.action.effects == 1


async def test_two_tasks_with_one_key_run_it_once() -> None:
    bench = Bench()
    outcomes = await asyncio.gather(*(bench.execute(intent()) for _ in range(5)))
    assert sorted(o.status for o in outcomes) == ["duplicate"] * 4 + ["executed"]


async def test_a_claim_is_published_before_the_action_runs() -> None:
    bench = Bench()
    published: list[tuple[str, float, int]] = []

    async def publish(of: Intent, at_s: float) -> None:
        published.append((of.key, at_s, bench.action.effects))

    actions = {"circuit_breaker": bench.action}
    bench.executor = Executor(actions, bench.ledger, LimitParams(), bench.clock, False, Hooks(publish))
    await bench.execute(intent())
    await bench.execute(intent())
    await bench.execute(intent("k2", mode="suggest"))
    assert published == [(intent().key, NOW_S, 0)]


async def test_an_intent_whose_claim_cannot_be_published_never_runs() -> None:
    bench = Bench()

    async def publish(*_: object) -> None:
        raise ConnectionError("the broker is away")

    actions = {"circuit_breaker": bench.action}
    bench.executor = Executor(actions, bench.ledger, LimitParams(), bench.clock, False, Hooks(publish))
    with pytest.raises(ConnectionError):
        await bench.execute(intent())
    assert (await bench.execute(intent())).status == "interrupted"
    assert bench.action.effects == 0


class SlowLedger(MemoryLedger):
    """A ledger whose view holds a claim only after the log does, as that of a topic."""

    async def claim(self, intent: Intent, now_s: float) -> Claim:
        await asyncio.sleep(0)
        return await super().claim(intent, now_s)


async def test_budget_holds_for_tasks_that_run_at_once() -> None:
    bench = Bench()
    limits = LimitParams(cooldown_s=0, actions_per_hour=2, storm_actions=100, fleet_share=1.0)
    bench.executor = Executor({"circuit_breaker": bench.action}, SlowLedger(), limits, bench.clock, dry_run=False)
    intents = [replace(intent(f"k{n}", target=f"chat/r{n}"), params={"fleet_size": 10}) for n in range(6)]
    outcomes = await asyncio.gather(*(bench.execute(one) for one in intents))
    assert [o.status for o in outcomes].count("executed") == 2


async def test_what_the_gate_forbids_is_refused_before_the_claim_and_a_repeat_is_a_duplicate() -> None:
    bench = Bench()
    bench.executor = Executor(
        {"circuit_breaker": bench.action}, bench.ledger, LimitParams(), bench.clock, False,
        Hooks(forbids=lambda one, _: f"not approved: {one.key}"),
    )
    refused = await bench.executor.execute(intent())
    assert (refused.status, refused.detail) == ("refused", f"not approved: {intent().key}")
    assert [record.event for record in bench.ledger.log if isinstance(record, LedgerRecord)] == ["finished"]
    assert (await bench.executor.execute(intent())).status == "duplicate"

"""The ledger: each key is won once, and a claim that a crash left open is reported and not repeated."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.ledger.ledger import MemoryLedger, RecordedLedger
from actions.ledger.log_value import follow_in_force
from actions.ledger.records import LedgerRecord
from actions.ledger.view import LedgerView
from actions.model import Intent, Outcome, Status
from tests.actions.cases import NOW_S, intent


def outcome(of: Intent, status: Status = "executed", done_at_s: float = NOW_S + 1) -> Outcome:
    return Outcome(
        of.key, of.incident_id, of.kind, of.target, of.mode, status, "detail", of.decided_at_s, done_at_s, of.undo,
        {"n": 1.0},
    )


async def test_first_claim_wins_and_every_later_one_loses() -> None:
    ledger = MemoryLedger()
    assert (await ledger.claim(intent(), NOW_S)).won
    lost = await ledger.claim(intent(), NOW_S + 1)
    assert (lost.won, lost.state) == (False, "claimed")
    assert ledger.lookup("k1") == lost
    assert ledger.lookup("k2") is None


async def test_claim_of_a_finished_key_returns_the_earlier_outcome() -> None:
    ledger = MemoryLedger()
    await ledger.claim(intent(), NOW_S)
    await ledger.finish(outcome(intent()))
    lost = await ledger.claim(intent(), NOW_S + 9)
    assert (lost.won, lost.state, lost.earlier) == (False, "finished", outcome(intent()))


async def test_second_outcome_of_a_key_changes_nothing() -> None:
    ledger = MemoryLedger()
    await ledger.claim(intent(), NOW_S)
    await ledger.finish(outcome(intent()))
    await ledger.finish(outcome(intent(), "failed", NOW_S + 5))
    assert len(ledger.log) == 2
    found = ledger.lookup("k1")
    assert found is not None
    assert found.earlier == outcome(intent())


async def test_claim_without_outcome_is_interrupted_after_a_restart() -> None:
    before = MemoryLedger()
    await before.claim(intent(), NOW_S)
    after = MemoryLedger(before.log)
    (reported,) = await after.recover()
    assert (reported.key, reported.status, reported.done_at_s) == ("k1", "interrupted", NOW_S)
    assert not (await after.claim(intent(), NOW_S + 60)).won
    assert await MemoryLedger(after.log).recover() == []


async def test_only_the_selected_claims_are_put_in_doubt() -> None:
    view = LedgerView()
    view.apply(LedgerRecord.claimed(intent("a"), NOW_S, "w1"))
    view.apply(LedgerRecord.claimed(intent("b"), NOW_S, "w2"))
    assert [o.key for o in view.put_in_doubt(lambda record: record.owner == "w1")] == ["a"]
    assert (view.state("a"), view.state("b")) == ("in_doubt", "claimed")


async def test_claim_whose_append_failed_is_in_doubt() -> None:
    async def broken(_: object) -> None:
        raise OSError("no broker")

    ledger = RecordedLedger(broken)
    with pytest.raises(OSError, match="no broker"):
        await ledger.claim(intent(), NOW_S)
    found = ledger.lookup("k1")
    assert found is not None
    assert (found.won, found.state) == (False, "in_doubt")


class RacedLedger(MemoryLedger):
    """A ledger in whose log another owner's claim is always first."""

    async def _store_claim(self, record: LedgerRecord) -> None:
        self.view.apply(replace(record, owner="other"))
        await self._store(record)


async def test_a_claim_that_is_second_in_the_log_is_lost() -> None:
    lost = await RacedLedger().claim(intent(), NOW_S)
    assert (lost.won, lost.state) == (False, "claimed")
    assert "by other" in lost.reason


async def test_a_compacted_log_gives_the_same_state() -> None:
    ledger = MemoryLedger()
    for key in ("a", "b"):
        await ledger.claim(intent(key), NOW_S)
    await ledger.finish(outcome(intent("a")))
    last = {record.key: record for record in ledger.log}
    compacted = MemoryLedger(last.values())
    assert compacted.lookup("a") == ledger.lookup("a")
    assert compacted.executed_since(NOW_S) == ledger.executed_since(NOW_S) == 2


async def test_limits_count_what_may_have_run_and_nothing_else() -> None:
    ledger = MemoryLedger()
    statuses: tuple[Status, ...] = ("executed", "failed", "interrupted", "refused", "dry_run", "cooldown")
    for status in statuses:
        await ledger.finish(outcome(intent(status), status))
    await ledger.claim(intent("in flight"), NOW_S + 3)
    await ledger.finish(outcome(intent("undone", undo=True)))
    await ledger.finish(outcome(intent("notice", kind="notify")))
    assert ledger.executed_since(NOW_S) == 4
    assert ledger.executed_since(NOW_S + 2) == 1
    assert ledger.last_executed_s("circuit_breaker", "chat/r0") == NOW_S + 3
    assert ledger.last_executed_s("circuit_breaker", "chat/r1") is None


async def test_undo_frees_the_target_until_the_next_action() -> None:
    ledger = MemoryLedger()
    await ledger.finish(outcome(intent("a"), done_at_s=NOW_S))
    await ledger.finish(outcome(intent("b", target="chat/r1"), done_at_s=NOW_S))
    await ledger.finish(outcome(intent("c", undo=True), done_at_s=NOW_S + 1))
    assert ledger.targets_acted_on("circuit_breaker", NOW_S - 60) == {"chat/r1"}
    await ledger.finish(outcome(intent("d"), done_at_s=NOW_S + 2))
    assert ledger.targets_acted_on("circuit_breaker", NOW_S - 60) == {"chat/r0", "chat/r1"}
    assert ledger.targets_acted_on("circuit_breaker", NOW_S + 2) == {"chat/r0"}


async def test_failed_undo_does_not_free_the_target() -> None:
    ledger = MemoryLedger()
    await ledger.finish(outcome(intent("a"), done_at_s=NOW_S))
    await ledger.finish(outcome(intent("b", undo=True), "failed", NOW_S + 1))
    assert ledger.targets_acted_on("circuit_breaker", NOW_S - 60) == {"chat/r0"}


async def test_storm_holds_over_a_restart_until_it_is_reset() -> None:
    ledger = MemoryLedger()
    await ledger.trip_storm(NOW_S)
    await ledger.trip_storm(NOW_S + 1)
    assert MemoryLedger(ledger.log).storm_since_s() == NOW_S
    await ledger.reset_storm(NOW_S + 5)
    after = MemoryLedger(ledger.log[-1:])
    assert (after.storm_since_s(), after.storm_reset_s()) == (None, NOW_S + 5)


async def test_forget_drops_old_finished_keys_and_no_open_claim() -> None:
    ledger = MemoryLedger()
    await ledger.claim(intent("open"), NOW_S)
    await ledger.finish(outcome(intent("old"), done_at_s=NOW_S))
    await ledger.finish(outcome(intent("new"), done_at_s=NOW_S + 9))
    assert ledger.view.forget(NOW_S + 5) == ["old"]
    assert len(ledger.view) == 2


def test_records_survive_json() -> None:
    claim = LedgerRecord.claimed(intent(), NOW_S, "w1")
    finish = LedgerRecord.finished(outcome(intent()), claim)
    for record in (claim, finish, LedgerRecord.storm("storm_reset", NOW_S)):
        assert LedgerRecord.from_json(json.loads(json.dumps(record.to_json()))) == record
    assert finish.outcome() == outcome(intent())
    assert finish.expires_at_s == intent().expires_at_s


@pytest.mark.parametrize(("field", "value"), [
    ("event", "won"), ("at_s", None), ("at_s", "now"), ("at_s", True), ("mode", "yolo"), ("status", "fine"),
    ("status", "executed"), ("undo", 1), ("data", []), ("key", None), ("colour", "red"), ("expires_at_s", "soon"),
])
def test_malformed_record_is_refused_by_field(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        LedgerRecord.from_json({**LedgerRecord.claimed(intent(), NOW_S).to_json(), field: value})


@pytest.mark.parametrize("value", [None, 1, "x", [], [{}]])
def test_a_record_that_is_no_object_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="expected an object"):
        LedgerRecord.from_json(value)
    with pytest.raises(ValueError, match="expected an object"):
        follow_in_force(LedgerView(), json.dumps(value).encode())


RECORDS = st.builds(
    lambda key, finished, status, at_s: (
        LedgerRecord.finished(outcome(intent(key), status, NOW_S + at_s), None) if finished
        else LedgerRecord.claimed(intent(key), NOW_S + at_s)
    ),
    st.sampled_from("ab"), st.booleans(), st.sampled_from(["executed", "failed", "interrupted"]), st.floats(0, 100),
)


@given(st.lists(RECORDS, max_size=12))
def test_no_order_of_records_opens_a_key_again(records: list[LedgerRecord]) -> None:
    view = LedgerView()
    order = ["unknown", "claimed", "in_doubt", "finished"]
    for record in records:
        before = view.record(record.key)
        moved = view.apply(record)
        assert moved.accepted == (moved.before != moved.after)
        assert order.index(moved.after) >= order.index(moved.before)
        if not moved.accepted:
            assert view.record(record.key) is before


@given(st.lists(RECORDS, max_size=12))
def test_replaying_a_log_twice_changes_nothing(records: list[LedgerRecord]) -> None:
    once, twice = LedgerView(), LedgerView()
    for record in records:
        once.apply(record)
    for record in [*records, *records]:
        twice.apply(replace(record))
    assert [(k, once.state(k), once.record(k)) for k in "ab"] == [(k, twice.state(k), twice.record(k)) for k in "ab"]

from __future__ import annotations

import pytest

from actions.model import Decision, Intent, Outcome, Path, Status
from classifiers.model import AuditEntry
from streams.contracts.envelopes import read_audit
from streams.telemetry.traces import Tracing
from streams.worker.audit import Audit
from tests.streams.fakes import SentMessages, T, intent, outcome


class AuditFixture:
    """An audit, and the entries it wrote."""

    def __init__(self) -> None:
        self.sent = SentMessages()
        self.output = self.sent.output("test")
        self.audit = Audit("audit", "/tocsin/test", Tracing())

    def entries(self) -> list[AuditEntry]:
        return [read_audit(message.value) for message in self.sent.on("audit")]

    def ids(self) -> list[bytes]:
        return [dict(message.headers)["ce_id"] for message in self.sent.on("audit")]


async def whole_life(fixture: AuditFixture, of: Intent, at_s: float) -> None:
    await fixture.audit.decided(fixture.output, of)
    await fixture.audit.claimed(fixture.output, of, at_s)
    await fixture.audit.finished(fixture.output, outcome(of, done_at_s=at_s + 1.0))


async def test_the_life_of_an_intent_is_a_chain_of_states() -> None:
    fixture = AuditFixture()
    await whole_life(fixture, intent(), T)
    steps = [(entry.event, entry.before, entry.after) for entry in fixture.entries()]
    assert steps == [
        ("decided", None, "pending"), ("claimed", "pending", "claimed"), ("executed", "claimed", "executed"),
    ]


async def test_an_entry_that_is_written_again_after_a_crash_at_another_time_has_the_same_id() -> None:
    before, after = AuditFixture(), AuditFixture()
    await whole_life(before, intent(), T)
    await whole_life(after, intent(), T + 60.0)
    assert before.ids() == after.ids()
    assert len(set(before.ids())) == 3


@pytest.mark.parametrize("status", ["refused", "expired", "cooldown", "suggested", "observed", "dry_run"])
async def test_an_intent_that_was_never_claimed_goes_from_pending_to_its_outcome_with_the_reason(
    status: Status,
) -> None:
    fixture = AuditFixture()
    await fixture.audit.finished(fixture.output, outcome(intent(), status))
    assert fixture.entries() == [AuditEntry(T + 0.1, "k1", status, "pending", status, "done")]


async def test_a_refusal_after_the_claim_says_that_it_was_claimed() -> None:
    fixture = AuditFixture()
    await fixture.audit.claimed(fixture.output, intent(), T)
    await fixture.audit.finished(fixture.output, outcome(intent(), "refused"))
    assert fixture.entries()[-1].before == "claimed"


@pytest.mark.parametrize(("data", "state"), [({"earlier_status": "executed"}, "executed"), ({}, None)])
async def test_a_duplicate_changes_no_state(data: dict[str, str | float | bool | None], state: str | None) -> None:
    fixture = AuditFixture()
    of = intent()
    await fixture.audit.finished(fixture.output, Outcome(
        of.key, of.incident_id, of.kind, of.target, of.mode, "duplicate", "it ran", T, T, False, data,
    ))
    assert [(entry.before, entry.after) for entry in fixture.entries()] == [(state, state)]


async def test_the_same_change_of_an_incident_at_another_time_is_another_event_and_written_again_the_same() -> None:
    fixture = AuditFixture()
    for at_s in (T, T + 30.0, T):
        await fixture.audit.step(fixture.output, AuditEntry(at_s, "inc-1", "raised", "P2", "P1", "it lasts"))
    first, second, again = fixture.ids()
    assert first == again != second


async def test_a_state_that_was_rejected_is_audited_each_time() -> None:
    fixture = AuditFixture()
    for at_s in (T, T + 60.0):
        await fixture.audit.state_rejected(fixture.output, 3, "snapshot version 1, expected 2", at_s)
    assert fixture.entries()[0] == AuditEntry(
        T, "state/3", "rejected", "stored", "relearning", "snapshot version 1, expected 2",
    )
    assert len(set(fixture.ids())) == 2


async def test_all_that_concerns_an_incident_has_its_id_as_key_and_correlation() -> None:
    fixture = AuditFixture()
    await fixture.audit.step(fixture.output, AuditEntry(T, "inc-1", "opened", None, "open", "slow"))
    await whole_life(fixture, intent(incident_id="inc-1"), T)
    sent = fixture.sent.on("audit")
    assert {(message.key, dict(message.headers)["ce_correlationid"]) for message in sent} == {(b"inc-1", b"inc-1")}


async def test_who_approved_an_intent_and_by_which_path_is_the_actor_of_its_claim() -> None:
    fixture = AuditFixture()
    by: dict[str, Path] = {"anna": "cli", "chi": "http"}
    decisions = tuple(
        Decision(who, "approve", "k1", None, path, T, "/tocsin/test", "k", "") for who, path in by.items()
    )
    await fixture.audit.claimed(fixture.output, intent(decisions=decisions), T)
    assert [entry.actor for entry in fixture.entries()] == ["anna (approve by cli), chi (approve by http)"]

"""A suggestion waits for people on a real topic: it is asked, decided by command line, and its shard is told."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from actions.model import ApprovalTerms
from streams.contracts.envelopes import incident_message
from tests.kafka.conftest import Broker
from tests.kafka.respond.installation import Installation, open_incident


async def test_a_suggestion_that_a_person_approves_is_approved_at_the_shard_that_decided(
    broker: Broker, tmp_path: Path,
) -> None:
    here = Installation(broker.address, tmp_path)
    await here.prepare()
    async with here.responder():
        intent = await here.suggest("k1")
        asked = await here.request("k1", "requested")
        assert (asked.intent, asked.shard, asked.version) == (intent, 2, 1)
        listed = await here.cli(None, "approval", "list")
        assert "throttle on chat/v2: version v2 alone is slow" in listed.stdout
        done = await here.cli("anna", "approval", "approve", "k1", "--comment", "go")
        assert (done.exit_code, "k1: approved: 1 of 1 approved: anna" in done.stdout) == (0, True), done.output
    ((partition, outcome),) = await here.outcomes("k1")
    assert (partition, outcome.status, outcome.data["people"]) == (2, "approved", "anna")
    assert [(each.who, each.verb, each.path) for each in outcome.decisions] == [("anna", "approve", "cli")]


async def test_who_may_not_approve_is_refused_and_audited(real_installation: Installation) -> None:
    here = real_installation
    async with here.responder():
        await here.suggest("k1")
        await here.request("k1", "requested")
        tried = await here.cli("dan", "approval", "approve", "k1")
        assert tried.exit_code == 1
        assert "does not count: has responder for chat, expected approver" in tried.stderr, tried.output
        assert (await here.request("k1", "requested")).given == ()
    entries = [record.value.decode() for record in await here.records(here.config.topics.audit)]
    assert any("has responder for chat, expected approver" in entry for entry in entries)


async def test_a_decision_that_nobody_answers_says_what_is_missing(real_installation: Installation) -> None:
    here = real_installation
    async with here.responder():
        await here.suggest("k1")
        await here.request("k1", "requested")
    tried = await here.cli("anna", "approval", "approve", "k1", "--wait", "0s")
    assert tried.exit_code == 1
    assert "no answer within 0 s, expected a process with the role respond" in tried.stderr, tried.output


async def test_two_people_must_approve_where_two_are_asked(real_installation: Installation) -> None:
    here = real_installation
    async with here.responder():
        await here.suggest("k1", approval=ApprovalTerms(count=2))
        await here.request("k1", "requested")
        first = await here.cli("anna", "approval", "approve", "k1")
        assert "k1: requested: 1 of 2 approved: anna" in first.stdout, first.output
        again = await here.cli("anna", "approval", "approve", "k1", "--wait", "2s")
        assert again.exit_code == 0
        assert (await here.request("k1", "requested")).approvals == 1
        second = await here.cli("ben", "approval", "approve", "k1")
        assert "k1: approved: 2 of 2 approved: anna, ben" in second.stdout, second.output


async def test_a_rejection_a_withdrawal_and_the_end_of_the_incident_each_end_a_request_once(
    real_installation: Installation,
) -> None:
    here = real_installation
    async with here.responder():
        for number in (1, 2, 3):
            await here.suggest(f"k{number}", f"inc-{number}")
        await here.request("k3", "requested")
        await here.request("k2", "requested")
        await here.request("k1", "requested")
        rejected = await here.cli("anna", "approval", "reject", "k1", "--comment", "not now")
        assert "k1: rejected: rejected by anna: not now" in rejected.stdout, rejected.output
        withdrawn = await here.cli("cleo", "approval", "withdraw", "k2")
        assert "k2: withdrawn: withdrawn by cleo" in withdrawn.stdout, withdrawn.output
        resolved = open_incident("inc-3", state="resolved", resolved_at_s=2.0)
        await here.send(here.config.topics.incidents, incident_message(resolved, here.source, time.time()))
        assert (await here.request("k3", "void")).reason == "its incident is resolved"
    statuses = {key: [one.status for _, one in await here.outcomes(key)] for key in ("k1", "k2", "k3")}
    assert statuses == {"k1": ["rejected"], "k2": ["withdrawn"], "k3": ["void"]}


async def test_what_expired_while_nobody_ran_expires_once_at_the_restart(real_installation: Installation) -> None:
    here = real_installation
    async with here.responder():
        await here.suggest("k1")
        await here.request("k1", "requested")
    async with here.responder(now_s=lambda: time.time() + 1000.0):
        await here.request("k1", "expired")
    async with here.responder(now_s=lambda: time.time() + 2000.0):
        await here.suggest("k2", "inc-2", approval=ApprovalTerms(expires_after_s=7200.0))
        await here.request("k2", "requested")
    assert [outcome.status for _, outcome in await here.outcomes("k1")] == ["expired"]


async def test_two_responders_decide_each_request_once(real_installation: Installation) -> None:
    here = real_installation
    async with here.responder() as one, here.responder() as other:
        for number in range(12):
            await here.suggest(f"k{number}", f"inc-{number}", approval=ApprovalTerms(expires_after_s=2.0))
        await asyncio.gather(*(here.request(f"k{number}", "expired") for number in range(12)))
        assert min(len(one.owned), len(other.owned)) >= 1
        assert one.owned.isdisjoint(other.owned)
    for number in range(12):
        assert [outcome.status for _, outcome in await here.outcomes(f"k{number}")] == ["expired"]

"""The rules of a run of kills find each breach; and executors that are killed at their calls keep them.

A bounded part of `python -m benchmarks.kills`, which kills all roles.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from confluent_kafka import Producer

from actions.model import Intent
from benchmarks.chaos.account import read_values
from benchmarks.chaos.supply.workers import GROUP, TOPIC
from benchmarks.kills.account import RULES, Account, ran_twice, without_outcome, wrong_calls
from benchmarks.kills.gateway import Change, Gateway, Moment
from benchmarks.kills.installation import Installation
from streams.cluster.topics import TopicSpec, ensure_topics
from streams.contracts.envelopes import incident_message, intent_message, source_of
from streams.contracts.signatures import sign_message
from tests.actions.approvals.cases import incident
from tests.kafka.brokers import RealKafka

PLACE = "throttles/chat/r1"
INTENT = {"key": "k1", "incident_id": "i1", "kind": "throttle", "target": "chat/r1", "mode": "auto", "service": "chat",
          "step_id": "limit"}
GOOD = Account(
    20.0, 60, 20, 1, [INTENT], [{"key": "k1", "status": "executed"}], {"i1": {"state": "resolved"}},
    {"k2": "released"}, frozenset({PLACE}), (),
    [Change(1.0, "execute-0.1", PLACE, True, "k1", 503), Change(2.0, "execute-0.1", PLACE, True, "k1", 200),
     Change(9.0, "execute-1.1", PLACE, False, "u1", 200)],
    events=[("k2", "released", 5.0)],
)
AGAIN = Change(3.0, "execute-1.1", PLACE, True, "k1", 503)
SECOND = {**INTENT, "key": "k3", "step_id": "other"}
TARGETS, KILLS, PATIENCE_S = 8, 3, 120.0


def test_a_good_run_breaks_no_rule() -> None:
    assert {name: rule(GOOD) for name, rule in RULES.items() if rule(GOOD)} == {}


@pytest.mark.parametrize(("rule", "change"), [
    ("ran_twice", {"changes": [*GOOD.changes, AGAIN]}),
    ("ran_twice", {"changes": [*GOOD.changes, GOOD.changes[1]]}),
    ("past_a_limit", {"most": 0}),
    ("past_a_limit", {"most_of_service": 0}),
    ("past_a_limit", {"changes": [*GOOD.changes, AGAIN, replace(AGAIN, place="throttles/chat/r2")]}),
    ("past_a_limit", {"intents": [INTENT, SECOND], "changes": [*GOOD.changes, replace(AGAIN, key="k3", at_s=10.0)]}),
    ("without_outcome", {"outcomes": []}),
    ("without_outcome", {"outcomes": [{"key": "k1", "status": "approved"}]}),
    ("without_owner", {"held": [PLACE]}),
    ("without_owner", {"in_force": [PLACE]}),
    ("without_owner", {"owned": frozenset()}),
    ("requests_amiss", {"requests": {"k2": "approved"}}),
    ("requests_amiss", {"events": [("k2", "released", 5.0), ("k2", "released", 6.0)]}),
    ("left_open", {"incidents": {"i1": {"state": "open", "service": "chat", "title": "slow"}}}),
    ("unverified", {"verified": (1, "a record was edited")}),
    ("wrong_calls", {"wrong": ["PUT /x"]}),
    ("ended", {"ended": ["watch-0 with 1"]}),
])
def test_each_breach_is_found_by_its_rule(rule: str, change: dict[str, Any]) -> None:
    assert len(RULES[rule](replace(GOOD, **change))) == 1


@pytest.mark.usefixtures("real_kafka")
def test_executors_that_are_killed_at_their_calls_run_nothing_twice_and_lose_no_outcome(tmp_path: Path) -> None:
    with _executors(tmp_path) as (address, here, gateway, killed):
        for undo in (False, True):
            written = _write(address, here, undo)
            account = _until_answered(address, here, gateway, written, undo)
        assert len(killed) == KILLS
    assert (ran_twice(account), without_outcome(account), wrong_calls(account), account.held) == ([], [], [], [])
    assert len(account.runs()) >= 2
    assert {each["status"] for each in account.outcomes} & {"interrupted", "duplicate"}


@contextmanager
def _executors(folder: Path) -> Iterator[tuple[str, Installation, Gateway, list[str]]]:
    """Two processes that execute; the first calls kill who makes them, before or after the change."""
    killed: list[str] = []

    def called(caller: str, moment: Moment) -> None:
        if len(killed) < KILLS and moment == ("before", "after")[len(killed) % 2]:
            killed.append(caller)
            here.processes[caller.partition(".")[0]].kill()

    with ExitStack() as stack:
        kafka = RealKafka(folder)
        stack.callback(kafka.kill)
        asyncio.run(ensure_topics(kafka.address, [TopicSpec(TOPIC, 2)]))
        gateway = stack.enter_context(Gateway(1, called))
        here = Installation(kafka.address, gateway.url, folder)
        for name in ("execute-0", "execute-1"):
            stack.callback(here.processes[name].kill)
            here.start(name)
        here.wait_until_started("execute-0", "execute-1")
        yield kafka.address, here, gateway, killed


def _write(address: str, here: Installation, undo: bool) -> list[Intent]:
    """Signed intents, each written twice, in an order of its own; before undos the end of each incident."""
    now_s, signer, producer = time.time(), here.signer("watch"), Producer({"bootstrap.servers": address})
    intents = [
        Intent(f"{number:023x}{'b' if undo else 'a'}", f"i{number}", "throttle", f"s{number}/r0", "auto", "slow", now_s,
               now_s + 600.0, f"s{number}", undo=undo, step_id="limit")
        for number in range(TARGETS)
    ]
    source = source_of(GROUP)
    for one in intents if undo else ():
        ended = incident(one.incident_id, state="resolved", service=one.service, resolved_at_s=now_s)
        message = sign_message("tocsin.incidents", incident_message(ended, source, now_s, 0), signer)
        producer.produce("tocsin.incidents", message.value, message.key, headers=cast("Any", list(message.headers)))
    order = [*intents, *intents]
    random.Random(1).shuffle(order)
    for intent in order:
        message = sign_message("tocsin.actions", intent_message(intent, source, 0), signer)
        producer.produce("tocsin.actions", message.value, message.key, headers=cast("Any", list(message.headers)))
    producer.flush(30.0)
    return intents


def _until_answered(
    address: str, here: Installation, gateway: Gateway, intents: Sequence[Intent], undo: bool,
) -> Account:
    """The account once all are answered; what was killed starts again meanwhile.

    An undo that was killed before its call is answered as interrupted at once. An executor undoes it then by itself,
    `UNDO_GRACE_S` after the end of the incident; so undos are over once nothing is held.
    """
    wanted, deadline_s = {one.key for one in intents}, time.monotonic() + PATIENCE_S
    while True:
        for name in ("execute-0", "execute-1"):
            here.start(name)
        outcomes = read_values(address, "tocsin.outcomes")
        is_done = wanted <= {each["key"] for each in outcomes} and not (undo and gateway.held())
        if is_done or time.monotonic() > deadline_s:
            decided = read_values(address, "tocsin.actions")
            return replace(GOOD, intents=decided, outcomes=outcomes, changes=list(gateway.changes),
                           held=gateway.held(), wrong=list(gateway.wrong))
        time.sleep(0.2)

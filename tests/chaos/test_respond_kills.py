"""The rules of a run of kills of `respond` find each breach; and a bounded run keeps them.

`python -m benchmarks.kills.respond` is the whole of it.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actions.channels.kinds.email import message_id
from benchmarks.kills.respond import Run
from benchmarks.kills.told import RULES, Told
from tests.kafka.brokers import RealKafka

SOURCE, FROM, KEY = "/tocsin/t", "t@example.com", "/tocsin/t/inc-1"
KILLS, SECONDS, QUIET_S = 5, 25.0, 240.0


def notification(channel: str, event: str = "open", key: str = KEY, **over: Any) -> dict[str, Any]:
    message = {"event": event, "dedup_key": key, "incident_id": "inc-1"}
    return {"channel": channel, "state": "sent", "reason": "", "message": message, **over}


FIRED = {"step": "now", "round": 1, "at_s": 1.0, "people": ["p1"], "held": []}
PAGE = f"{KEY}/page/n2"
GOOD = Told(
    SOURCE, FROM, (), {"inc-1": {"state": "closed", "fired": [FIRED]}},
    {
        "n1": notification("pager"), "n2": notification("pager", "page", PAGE), "n3": notification("itsm"),
        "n4": notification("mail"), "n5": notification("pager", "page", f"{KEY}/page/n5", state="superseded"),
    },
    {"inc-1": 1}, (KEY, PAGE), (KEY,), ("a text\n[tocsin n3]",), (message_id("n4", FROM), message_id("n4", FROM)),
)


def test_a_good_run_breaks_no_rule() -> None:
    assert {name: rule(GOOD) for name, rule in RULES.items() if rule(GOOD)} == {}


@pytest.mark.parametrize(("rule", "change"), [
    ("pages_lost", {"unpaged": ("inc-1",)}),
    ("pages_lost", {"alerts": (KEY,)}),
    ("pages_lost", {"notifications": {"n2": notification("pager", "page", PAGE, state="failed")}}),
    ("steps_twice", {"escalations": {"inc-1": {"state": "closed", "fired": [FIRED, {**FIRED, "at_s": 2.0}]}},
                     "fires": {"inc-1": 2}}),
    ("steps_twice", {"fires": {"inc-1": 2}}),
    ("alerts_amiss", {"alerts": (KEY, PAGE, f"{KEY}/page/other")}),
    ("alerts_amiss", {"alerts": (KEY, PAGE, f"{KEY}/page/n5")}),
    ("records_amiss", {"correlations": (KEY, KEY)}),
    ("records_amiss", {"correlations": ()}),
    ("records_amiss", {"notes": ("[tocsin n3]", "[tocsin n3]")}),
    ("mails_amiss", {"message_ids": (message_id("n4", FROM), "<other@example.com>")}),
    ("mails_amiss", {"message_ids": ()}),
    ("not_ended", {"notifications": {**GOOD.notifications, "n3": notification("itsm", state="retrying")}}),
    ("not_ended", {"escalations": {"inc-1": {"state": "active", "fired": [FIRED]}}}),
    ("refused", {"refused": ("POST /x: 400",)}),
    ("ended", {"ended": ["respond-0 with 1"]}),
    ("unverified", {"verified": (1, "partition 0 at 7")}),
])
def test_each_breach_is_found(rule: str, change: dict[str, Any]) -> None:
    assert RULES[rule](replace(GOOD, **change)) != []


@pytest.mark.usefixtures("real_kafka")
def test_no_page_is_lost_and_nothing_is_told_under_two_keys_while_respond_is_killed(
    tmp_path: Path,
) -> None:
    run = Run(3, KILLS, SECONDS, QUIET_S, 0.5, tmp_path)
    kafka = RealKafka(tmp_path)
    try:
        told = asyncio.run(run.run(kafka.address, print))
    finally:
        kafka.kill()
    assert {name: found for name, rule in RULES.items() if (found := rule(told))} == {}
    assert run.kills.total() in (KILLS, KILLS + 1)  # the last may be of both at once
    assert run.opened > 1

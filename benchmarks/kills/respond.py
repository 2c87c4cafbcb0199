"""Kills of the role respond alone: `python -m benchmarks.kills.respond --kills 200 --seconds 600 --seed 1`.

Two processes `tocsin respond` on a real Kafka tell incidents to a strict PagerDuty, a strict ServiceNow and a mail
server, which at times refuse, are late, or take a message and do not answer. Incidents of P1 open, become worse, are
acknowledged and end; a policy pages at once and again after some seconds. Meanwhile processes are killed at random, one
or both, some at the moment of a call, before or after the vendor took it, and some are stopped so long that they go on
as former owners. Between two kills something is told, or half a minute passes. An incident ends only once a page of it
was accepted; one of which none was by the end of the quiet time is a page lost. After that everything is judged: see
`told.py`. Exit code 0 when every rule held, 1 when not, 2 when the run is not possible here. The same seed gives the
same kills, as far as times allow.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from actions.channels.machine import ENDED
from benchmarks.chaos.account import read_values
from benchmarks.kills.command import options_of, print_found
from benchmarks.kills.responders import SESSION_S, Responders, opened
from benchmarks.kills.told import RULES, Told
from benchmarks.kills.vendors import FailingMailbox, FailingPagerDuty, FailingServiceNow
from classifiers.model import Acknowledgement, Incident
from streams.sandbox.process import WORKER
from tests.actions.channels.fakes.pagerduty import KEY
from tests.actions.channels.fakes.servicenow import PASSWORD, USER
from tests.kafka.brokers import KafkaMissing, RealKafka

ROOT = Path(__file__).parents[2]
TEAMS = 40
FROM = "tocsin@example.com"
SECOND_STEP_S = 15
IDLE_AFTER_S = 30.0
"""A kill waits no longer for something to be told since the last one."""
LIVES_S = (3.0, 25.0)
"""How long an incident lives after its first page."""
TOGETHER, STOPPED, AT_A_CALL = 0.12, 0.08, 0.02
"""How often both are killed at once; how often one is stopped instead, for longer than a session; and how often the
moment of a call is one of a kill."""
RETOLD_EVERY_S = 10.0
LOOK_S = 0.1
Say = Callable[[str], None]


class Run:
    """One run. seconds: in which `kills` are spread. quiet_s: how long it may take after them until nothing is under
    way. rate: incidents a second. folder: for data and logs; it stays.
    """

    def __init__(self, seed: int, kills: int, seconds: float, quiet_s: float, rate: float, folder: Path) -> None:
        self._rng = random.Random(seed)
        self._at_call = random.Random(seed + 1)
        self._seed, self._wanted, self._seconds, self._quiet_s, self._rate = seed, kills, seconds, quiet_s, rate
        self._folder = folder
        self._open: dict[str, Incident] = {}
        self._unpaged: list[str] = []
        self._is_killing = False
        self._over = asyncio.Event()
        self.kills: Counter[str] = Counter()
        self.opened = 0

    async def run(self, address: str, say: Say) -> Told:
        """Returns what it left."""
        async with AsyncExitStack() as stack:
            pager = await stack.enter_async_context(FailingPagerDuty(self._seed + 2, self._called).running())
            itsm = await stack.enter_async_context(FailingServiceNow(self._seed + 3, self._called).running())
            mailbox = FailingMailbox(self._seed + 4, self._called)
            mail = stack.enter_context(mailbox.served())
            self._site = Responders(address, self._folder, 2, _sections(pager.url, itsm.url, mail))
            await stack.enter_async_context(self._site.prepared())
            for process in self._site.processes:
                self._site.start(process)
            await self._ready(pager)
            told = Told(self._site.source, FROM)
            await self._kill_all(pager, told)
            say(f"{self.kills.total()} kills {dict(self.kills)}, {self.opened} incidents; now quiet")
            pager.fails = itsm.fails = mailbox.fails = False
            await self._until_quiet(told)
            for process in self._site.processes:
                if await asyncio.to_thread(process.stop) != 0:
                    told.ended.append(f"{process.name} did not stop in order")
            told.unpaged = self._unpaged
            told.alerts, told.message_ids = list(pager.alerts), mailbox.message_ids
            told.correlations = [one["correlation_id"] for one in itsm.records.values()]
            told.notes = [one["description"] for one in itsm.records.values()] + [
                note for notes in itsm.notes.values() for note in notes
            ]
            told.refused = [*pager.refused, *itsm.refused]
            told.verified = await asyncio.to_thread(self._verify)
            say(f"{len(told.alerts)} alerts by {len(pager.events)} events, {len(told.correlations)} records, "
                f"{len(told.message_ids)} mails with {len(set(told.message_ids))} Message-IDs")
        return told

    async def _ready(self, pager: FailingPagerDuty) -> None:
        """Until the first incident is paged."""
        pager.fails = False
        await self._life("ready", 0, pager)
        pager.fails = True

    async def _kill_all(self, pager: FailingPagerDuty, told: Told) -> None:
        """Open incidents and kill at random, and start again; each process starts within two seconds."""
        self._is_killing = True
        retelling = asyncio.create_task(self._retell())
        async with asyncio.TaskGroup() as lives:
            opening = lives.create_task(self._open_all(lives, pager))
            began_s, every_s = time.monotonic(), self._seconds / max(1, self._wanted)
            next_s, due, told_before = began_s, dict[str, float](), -1
            while not opening.done() or self.kills.total() < self._wanted:
                now_s = time.monotonic()
                self._start_again(due, now_s, told)
                is_idle = len(pager.events) == told_before and now_s < next_s + IDLE_AFTER_S
                if now_s >= next_s and not is_idle and self.kills.total() < self._wanted:
                    next_s, told_before = max(next_s, now_s - 5 * every_s) + every_s, len(pager.events)
                    await self._disturb()
                await asyncio.sleep(LOOK_S / 2)
            self._is_killing = False
            for process in self._site.processes:
                self._site.start(process)
            asyncio.get_running_loop().call_later(self._quiet_s, self._over.set)
        retelling.cancel()

    def _start_again(self, due: dict[str, float], now_s: float, told: Told) -> None:
        for process in self._site.processes:
            code = process.ended()
            if code is not None:
                told.ended.append(f"{process.name} with {code}")
            if not process.runs():
                due.setdefault(process.name, now_s + self._rng.uniform(0.0, 2.0))
                if due[process.name] <= now_s:
                    del due[process.name]
                    self._site.start(process)

    async def _disturb(self) -> None:
        running = [process for process in self._site.processes if process.runs()]
        if not running:
            return
        one = self._rng.choice(running)
        if self._rng.random() < STOPPED:
            send = one.signaller()
            send(signal.SIGSTOP)
            asyncio.get_running_loop().call_later(1.5 * SESSION_S, send, signal.SIGCONT)
            self.kills["stopped, not killed"] += 1
            return
        for each in running if self._rng.random() < TOGETHER else [one]:
            await asyncio.to_thread(each.kill)
            self.kills["at random"] += 1

    async def _called(self) -> None:
        """A vendor is being called: at times this is the moment of a kill."""
        if self._is_killing and self.kills.total() < self._wanted and self._at_call.random() < AT_A_CALL:
            process = self._at_call.choice(self._site.processes)
            if process.runs():
                await asyncio.to_thread(process.kill)
                self.kills["at a call"] += 1

    async def _open_all(self, lives: asyncio.TaskGroup, pager: FailingPagerDuty) -> None:
        began_s = time.monotonic()
        while time.monotonic() < began_s + self._seconds:
            self.opened += 1
            lives.create_task(self._life(f"inc-{self.opened}", self.opened % TEAMS, pager))
            await asyncio.sleep(self._rng.expovariate(self._rate))

    async def _life(self, name: str, team: int, pager: FailingPagerDuty) -> None:
        """Open; paged; perhaps worse, perhaps acknowledged; over."""
        await self._tell(opened(name, f"s{team}", "P1"))
        page = f"{self._site.source}/{name}/page/"
        while not any(key.startswith(page) for key in pager.alerts):
            if self._over.is_set():
                self._unpaged.append(name)
                break
            await asyncio.sleep(LOOK_S)
        lives_s = self._rng.uniform(*LIVES_S)
        await asyncio.sleep(lives_s / 2)
        if self._rng.random() < 0.3:
            await self._tell(replace(self._open[name], severity="P0", peak_severity="P0"))
        if self._rng.random() < 0.5:
            now_s = time.time()
            by = Acknowledgement(f"p{team}", now_s, now_s + 3_600.0)
            await self._tell(replace(self._open[name], acknowledged=by))
        await asyncio.sleep(lives_s / 2)
        await self._tell(replace(self._open[name], state="resolved", resolved_at_s=time.time()))

    async def _tell(self, incident: Incident) -> None:
        self._open[incident.id] = incident
        await self._site.tell(incident)
        if incident.state == "resolved":
            del self._open[incident.id]

    async def _retell(self) -> None:
        while True:
            await asyncio.sleep(RETOLD_EVERY_S)
            for name in list(self._open):
                if name in self._open:  # as it is by now
                    await self._site.tell(self._open[name])

    async def _until_quiet(self, told: Told) -> None:
        deadline_s = time.monotonic() + self._quiet_s
        while time.monotonic() < deadline_s:
            await asyncio.sleep(2.0)
            await asyncio.to_thread(self._read, told)
            if not RULES["not_ended"](told) and len(told.escalations) == self.opened + 1:
                return

    def _read(self, told: Told) -> None:
        topics, address = self._site.config.topics, ",".join(self._site.config.kafka.brokers)
        notifications: dict[str, Mapping[str, Any]] = {}
        escalations: dict[str, Mapping[str, Any]] = {}
        for value in read_values(address, topics.response):
            kept, name = (
                (notifications, value["message"]["id"]) if "message" in value else (escalations, value["incident_id"])
            )
            if name not in kept or value["version"] > kept[name]["version"]:
                kept[name] = value
        told.notifications, told.escalations = notifications, escalations
        told.fires = Counter(
            each["subject"].removeprefix("escalation/") for each in read_values(address, topics.audit)
            if each["event"] == "fire"
        )

    def _verify(self) -> tuple[int, str]:
        done = subprocess.run(
            [*WORKER[:-1], "audit", "verify", "--config", str(self._site.file)], cwd=ROOT, capture_output=True,
            text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False, timeout=120,
        )
        return done.returncode, done.stdout + done.stderr


def _sections(pager: str, itsm: str, mail: str) -> dict[str, Any]:
    teams = range(TEAMS)
    every = {"every": "0s"}
    return {
        "people": {f"p{team}": {"roles": ["responder"], "mail": f"p{team}@example.com"} for team in teams},
        "services": [
            {"name": f"s{team}", "match": f"s{team}", "tier": 1, "owners": [f"p{team}"], "escalation": f"e{team}"}
            for team in teams
        ],
        "escalation": {
            f"e{team}": {"severities": ["P0", "P1"], "steps": [
                {"id": "now", "after": "0s", "page": f"p{team}", "via": ["pager", "mail"]},
                {"id": "again", "after": f"{SECOND_STEP_S}s", "page": f"p{team}", "via": ["pager"]},
            ]}
            for team in teams
        },
        "channels": {
            "pager": {"kind": "pagerduty", "routing_key": KEY, "url": f"{pager}/v2/enqueue", **every},
            "itsm": {"kind": "servicenow", "url": itsm, "user": USER, "password": PASSWORD, "poll": "2s",
                     "on": ["open", "change", "milestone", "close"], **every},
            "mail": {"kind": "email", "smtp": mail, "from_address": FROM, "to": ["ops@example.com"], **every},
        },
    }


def summary(run: Run, told: Told) -> dict[str, Any]:
    """The figures of a run."""
    return {
        "kills": run.kills, "incidents": run.opened, "escalations": len(told.escalations),
        "steps": sum(len(one["fired"]) for one in told.escalations.values()),
        "notifications": Counter(f"{one['channel']} {one['state']}" for one in told.notifications.values()),
        "repeated": sum(one["attempts"] > 1 for one in told.notifications.values()), "alerts": len(told.alerts),
        "records": len(told.correlations), "mails": len(told.message_ids),
        "message_ids": len(set(told.message_ids)),
        "under_way": sum(one["state"] not in ENDED for one in told.notifications.values()),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, and print what broke which rule."""
    options = options_of("benchmarks.kills.respond", __doc__, arguments, seconds=600.0, rate=0.5, rate_of="incidents")
    folder = options.out or Path(tempfile.mkdtemp(prefix="tocsin-kills-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        kafka = RealKafka(folder)
    except KafkaMissing as error:
        print(f"cannot run: {error}")
        return 2
    print(f"logs: {folder}", flush=True)
    run = Run(options.seed, options.kills, options.seconds, options.quiet, options.rate, folder)
    try:
        told = asyncio.run(run.run(kafka.address, lambda text: print(text, flush=True)))
    finally:
        kafka.kill()
    found = {name: rule(told) for name, rule in RULES.items()}
    figures = summary(run, told)
    (folder / "result.json").write_text(json.dumps({**figures, "found": found}, indent=1))
    print(json.dumps(figures))
    return print_found(found)


if __name__ == "__main__":
    sys.exit(main())

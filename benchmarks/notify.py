"""From an incident opened to its page accepted, while many are open and a channel hangs: `python -m benchmarks.notify`.

A process `tocsin respond` on a real Kafka, with signed records, and two channels: a strict PagerDuty and a Discord that
takes requests and never answers. When it starts, `--open` incidents are open: each has an escalation in the log that
waits for its next step, and something to tell on the channel that hangs, and each is told again every minute as its
shard would. Then `--count` incidents of P1 are opened, `--rate` a second. Measured for each, from just before its
record is sent to the topic until PagerDuty accepted: the alert of the incident (`channel`), and the page of the first
step of its escalation (`escalation`). Exit code 1 when a page is missing or the 99th percentile is above the bar, 2
when the run is not possible here.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from aiohttp import web
from rich.table import Table
from typing_extensions import override

from benchmarks.broker.rig import console
from benchmarks.kills.responders import Responders, opened
from classifiers.model import Incident
from tests.actions.channels.fakes.pagerduty import KEY, FakePagerDuty
from tests.actions.channels.fakes.webhooks import FakeDiscord
from tests.kafka.brokers import KafkaMissing, RealKafka

BAR_P99_S = 2.0
TEAMS = 40
"""Each has a service, a policy and a person, since one person is paged ten times in ten minutes at most."""
RETOLD_EVERY_S = 60.0
AT_ONCE = 200
READY_WITHIN_S = 900.0
MISSING_AFTER_S = 60.0


class Pager(FakePagerDuty):
    """accepted_s: when each alert was first accepted, by its key."""

    def __init__(self) -> None:
        super().__init__()
        self.accepted_s: dict[str, float] = {}

    @override
    async def handle(self, request: web.Request) -> web.StreamResponse:
        answer = await super().handle(request)
        self.accepted_s.setdefault((await request.json())["dedup_key"], time.time())
        return answer


def _sections(pager: str, hanging: str) -> dict[str, Any]:
    teams = range(TEAMS)
    return {
        "people": {f"p{team}": {"roles": ["responder"]} for team in teams},
        "services": [
            {"name": f"s{team}", "match": f"s{team}", "tier": 1, "owners": [f"p{team}"], "escalation": f"e{team}"}
            for team in teams
        ],
        "escalation": {
            f"e{team}": {"severities": ["P0", "P1", "P2", "P3"], "steps": [
                {"id": "now", "after": "0s", "page": f"p{team}", "via": ["pager"], "severity": "P1"},
                {"id": "later", "after": "6h", "page": f"p{team}", "via": ["pager"]},
            ]}
            for team in teams
        },
        "channels": {
            "pager": {"kind": "pagerduty", "routing_key": KEY, "url": f"{pager}/v2/enqueue", "every": "0s",
                      "from": "P1"},
            "hangs": {"kind": "discord", "webhook_url": hanging, "from": "P4"},
        },
    }


def _cpu_s(site: Responders) -> float:
    """CPU time of the process so far."""
    times = psutil.Process(site.processes[0].pid).cpu_times()
    return times.user + times.system


async def _retell(site: Responders, incidents: Sequence[Incident]) -> None:
    """Each incident again every minute, evenly."""
    while True:
        for number, incident in enumerate(incidents):
            began_s = time.monotonic()
            await site.tell(incident)
            left_s = RETOLD_EVERY_S / len(incidents) - (time.monotonic() - began_s)
            if left_s > 0.0 or number % AT_ONCE == 0:
                await asyncio.sleep(max(0.0, left_s))


async def _filled(site: Responders, count: int) -> list[Incident]:
    """So many open incidents with their escalations."""
    incidents = [opened(f"open-{number}", f"s{number % TEAMS}", "P3") for number in range(count)]
    for start in range(0, count, AT_ONCE):
        several = list(enumerate(incidents))[start:start + AT_ONCE]
        await asyncio.gather(*(site.tell(one) for _, one in several))
        await asyncio.gather(*(site.escalated(one, f"e{number % TEAMS}", number) for number, one in several))
    return incidents


async def measure(
    address: str, folder: Path, open_: int, count: int, rate_per_s: float,
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Seconds from opened to accepted, by path, infinite for what is missing; and facts of the run."""
    async with Pager().running() as pager, FakeDiscord().running() as hanging:
        hanging.hang = asyncio.Event()
        site = Responders(address, folder, 1, _sections(pager.url, hanging.url))
        async with site.prepared():
            incidents = await _filled(site, open_)
            site.start(site.processes[0])
            began_s = time.monotonic()
            await site.tell(opened("first-0", "s0", "P1"))
            while len(_times(pager, {"first-0": 0.0}, site.source)["escalation"]) == 0:
                if time.monotonic() - began_s > READY_WITHIN_S:
                    raise TimeoutError(f"the first page was not accepted within {READY_WITHIN_S:g} s of the start")
                await asyncio.sleep(0.1)
            facts = {"start_s": time.monotonic() - began_s}
            retelling = asyncio.create_task(_retell(site, incidents))
            cpu_s, began_s = _cpu_s(site), time.monotonic()
            sent_s: dict[str, float] = {}
            for number in range(count):
                due_s = began_s + number / rate_per_s
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))
                incident = opened(f"new-{number}", f"s{number % TEAMS}", "P1")
                sent_s[incident.id] = time.time()
                await site.tell(incident)
            facts |= {"cpu_share": (_cpu_s(site) - cpu_s) / (time.monotonic() - began_s)}
            for _ in range(int(MISSING_AFTER_S)):
                if min(map(len, _times(pager, sent_s, site.source).values())) == count:
                    break
                await asyncio.sleep(1.0)
            retelling.cancel()
            facts["hanging_requests"] = hanging.arrived
            found = _times(pager, sent_s, site.source)
            return {path: [*times, *[float("inf")] * (count - len(times))] for path, times in found.items()}, facts


def _times(pager: Pager, sent_s: Mapping[str, float], source: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {"channel": [], "escalation": []}
    for key, at_s in pager.accepted_s.items():
        incident_id, _, page = key.removeprefix(f"{source}/").partition("/")
        if incident_id in sent_s:
            found["escalation" if page else "channel"].append(at_s - sent_s[incident_id])
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, and return 1 where the bar is missed."""
    parser = argparse.ArgumentParser(prog="benchmarks.notify", description=__doc__)
    parser.add_argument("--open", type=int, default=10_000, help="incidents that are open all the time")
    parser.add_argument("--count", type=int, default=300, help="incidents that are opened and measured")
    parser.add_argument("--rate", type=float, default=2.0, help="of them a second")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        try:
            kafka = RealKafka(Path(folder))
        except KafkaMissing as error:
            console.print(f"cannot run: {error}")
            return 2
        try:
            times, facts = asyncio.run(
                measure(kafka.address, Path(folder), options.open, options.count, options.rate),
            )
        except BaseException:
            console.print((Path(folder) / "respond-0.log").read_text()[-3_000:])
            raise
        finally:
            kafka.kill()
    table = Table(title=f"opened to page accepted, {options.open} open, one channel hangs, s", title_justify="left")
    for column in ("path", "incidents", "p50", "p99", "max", "bar p99"):
        table.add_column(column, justify="left" if column == "path" else "right")
    figures = {}
    for path, each in times.items():
        p50, p99 = (float(np.percentile(each, one, method="higher")) for one in (50, 99))
        figures[path] = {"p50_s": p50, "p99_s": p99, "max_s": max(each)}
        table.add_row(path, str(len(each)), f"{p50:.3f}", f"{p99:.3f}", f"{max(each):.3f}", f"{BAR_P99_S:g}")
    console.print(table)
    console.print("  ".join(f"{name} {value:.2f}" for name, value in facts.items()))
    if options.json is not None:
        options.json.write_text(json.dumps({**figures, **facts}, indent=1))
    return 1 if any(one["p99_s"] > BAR_P99_S for one in figures.values()) else 0


if __name__ == "__main__":
    sys.exit(main())

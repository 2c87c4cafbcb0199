"""The page with 1,000 open incidents and 50 viewers: how soon it shows, how soon a change is on the screen, its weight.

`python -m benchmarks.page [--updates N] [--records N] [--rounds N]`. A `tocsin worker` of the role respond reads the
incidents from a broker and serves the page to a headless Chromium and to 49 more viewers. An update is timed from just
before its record is sent until the browser has drawn it, by one clock of this machine. Then the throughput of a whole
worker is measured with and without 50 viewers, round by round and in turns; `--rounds 0` leaves that out. Exits 1 under
a bar.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import aiohttp
import orjson
from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]
from playwright.async_api import Page, async_playwright

from benchmarks.broker.load import NARROW, records
from benchmarks.broker.rig import ROOT, Broker, broker, configuration, console, fill, unique
from benchmarks.throughput import Load, tocsin
from classifiers.model import Anomaly, Factor, Incident, Scope
from streams.contracts.envelopes import incident_message, source_of
from streams.respond.page.assets import Assets
from tests.ports import free_ports

INCIDENTS, VIEWERS = 1_000, 50
BAR_PAINT_S, BAR_UPDATE_S, BAR_BYTES, BAR_THROUGHPUT = 1.0, 1.0, 400_000, 0.95
PATIENCE_S = 120.0
RUN = "from streams.cli import main; main()"
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
DRAWN = """(title) => new Promise((done) => {
  const seen = () => document.body.textContent.includes(title);
  const finish = () => requestAnimationFrame(() => setTimeout(() => done(Date.now()), 0));
  if (seen()) { finish(); return; }
  const watch = new MutationObserver(() => { if (seen()) { watch.disconnect(); finish(); } });
  watch.observe(document.body, { subtree: true, childList: true, characterData: true });
})"""


def incident(number: int, title: str, now_s: float) -> Incident:
    """An open incident of a service of its own, with some evidence."""
    scope = Scope(f"service-{number % 40}", "gpt", replica=f"r{number}")
    evidence = tuple(
        Anomaly(scope, metric, "robust_location", now_s - 1.0, now_s, 900.0, 300.0, 1.5, "up", 20, now_s)
        for metric in ("latency_ms", "ttft_ms", "queue_ms")
    )
    return Incident(
        f"bench-{number}", "open", now_s - number, now_s - number - 5.0, None, "performance_degradation",
        "P1" if number == 0 else "P3", "P2", scope.service, "gpt", None, f"r{number}", None, title,
        (Factor("latency", 3.0, 2.0, "requests take 3 times as long"),), evidence,
    )


class Site:
    """The role respond as a process on topics of its own."""

    def __init__(self, where: Broker, folder: Path) -> None:
        self.group = unique("page")
        self.port, metrics_port = free_ports(2)
        self.url = f"http://127.0.0.1:{self.port}/"
        config = configuration(where.address, self.group, unique("page-input"), unique("respond"), metrics_port)
        file = folder / "page.yaml"
        file.write_bytes(orjson.dumps({**config, **listening(self.port)}))
        self._log = (folder / "page.log").open("ab")
        command = [sys.executable, "-c", RUN, "worker", "--config", str(file), "--roles", "respond"]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=self._log, stderr=self._log)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30.0)
        self._log.close()


def listening(port: int) -> dict[str, Any]:
    """Settings under which the page is served to whoever reaches the port."""
    return {"respond": {"listen": f"127.0.0.1:{port}", "read_without_login": True}}


@contextmanager
def viewers(url: str, count: int) -> Iterator[None]:
    """So many viewers read the stream of changes of a page, from a thread of their own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    watching = asyncio.run_coroutine_threadsafe(_watch(url, count), loop)
    try:
        yield
    finally:
        watching.cancel()
        asyncio.run_coroutine_threadsafe(_ended(), loop).result(10.0)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10.0)


async def _watch(url: str, count: int) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as http, asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(_view(http, url))


async def _ended() -> None:
    """Wait until the others of this loop are cancelled."""
    others = [one for one in asyncio.all_tasks() if one is not asyncio.current_task()]
    for one in others:
        one.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def _view(http: aiohttp.ClientSession, url: str) -> None:
    while True:
        try:
            async with http.get(f"{url}page/now") as answer:
                position = (await answer.json())["position"]
            async with http.get(f"{url}page/events", params={"after": position}) as stream:
                async for _ in stream.content.iter_any():
                    pass
        except aiohttp.ClientError:
            await asyncio.sleep(0.5)  # it does not serve yet


async def shown(site: Site, where: Broker, updates: int) -> tuple[float, list[float]]:
    """Seconds to the first contentful paint, and from each record to the screen."""
    producer = AIOKafkaProducer(bootstrap_servers=where.address, acks="all")
    await producer.start()
    source, topic, now_s = source_of(site.group), f"{site.group}.incidents", time.time()

    async def tell(one: Incident) -> None:
        message = incident_message(one, source, time.time())
        await producer.send_and_wait(topic, message.value, key=message.key, headers=list(message.headers))

    await _until_serving(site, 0)
    for number in range(INCIDENTS):
        await tell(incident(number, f"service-{number % 40}: requests take longer", now_s))
    await _until_serving(site, INCIDENTS)
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("no chromium on the path")
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page: Page = await browser.new_page()
        await page.goto(site.url)
        await page.locator("a.row").first.wait_for()
        paint_s = float(await page.evaluate(PAINTED)) / 1000.0
        took: list[float] = []
        for number in range(updates):
            title = f"update {number} of {site.group}"
            drawn = asyncio.create_task(page.evaluate(DRAWN, title))
            await asyncio.sleep(0.3)
            sent_s = time.time()
            await tell(replace(incident(0, title, now_s)))
            took.append(float(await asyncio.wait_for(drawn, PATIENCE_S)) / 1000.0 - sent_s)
        await browser.close()
    await producer.stop()
    return paint_s, took


async def _until_serving(site: Site, count: int) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    async with aiohttp.ClientSession() as http:
        while time.monotonic() < deadline_s:
            try:
                async with http.get(f"{site.url}page/now") as answer:
                    if len((await answer.json())["incidents"]) >= count:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.5)
    raise SystemExit(f"the page did not show {count} incidents within {PATIENCE_S:g} s")


def throughput(where: Broker, total: int, rounds: int) -> list[tuple[float, float]]:
    """CPU microseconds a record of a whole worker, without and with viewers, by round."""
    found = []
    for number in range(rounds):
        console.print(f"throughput: round {number + 1} of {rounds}")
        began_s, skipped = time.time() - total / 4000.0, total // 2
        made = list(records(NARROW, total, 4000.0, began_s, 1))
        load, us = Load(made, skipped, began_s, 4000.0), {}
        for count in sorted((0, VIEWERS), reverse=bool(number % 2)):
            (port,) = free_ports(1)
            fill(where.address, each := unique("bench-page"), made[:skipped])
            with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
                watched = viewers(f"http://127.0.0.1:{port}/", count)
                us[count] = tocsin(where, each, load, Path(folder), watched, **listening(port)).us
        found.append((us[0], us[VIEWERS]))
    return found


def main() -> None:
    """Measure, print, and exit 1 under a bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--updates", type=int, default=100)
    parser.add_argument("--records", type=int, default=800_000)
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args()
    weight = Assets().size_bytes
    with broker() as where, tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        site = Site(where, Path(folder))
        try:
            with viewers(site.url, VIEWERS - 1):
                paint_s, took = asyncio.run(shown(site, where, options.updates))
        finally:
            site.stop()
        pairs = throughput(where, options.records, options.rounds)
    cuts = quantiles(took, n=100)
    console.print(f"{INCIDENTS:,} open incidents, {VIEWERS} viewers")
    console.print(f"first contentful paint {paint_s:.2f} s (bar {BAR_PAINT_S:g} s)")
    console.print(f"update on the screen after its record: p50 {cuts[49]:.2f} s, p95 {cuts[94]:.2f} s (bar "
                  f"{BAR_UPDATE_S:g} s), {len(took)} updates")
    console.print(f"page weight {weight:,} bytes (bar {BAR_BYTES:,})")
    kept = 1.0
    if pairs:
        kept = median(without / watched for without, watched in pairs)
        each = ", ".join(f"{without:.2f} and {watched:.2f}" for without, watched in pairs)
        console.print(f"worker, CPU us a record without and with viewers: {each}; throughput kept {kept:.3f} "
                      f"(bar {BAR_THROUGHPUT:g})")
    missed = (paint_s >= BAR_PAINT_S, cuts[94] >= BAR_UPDATE_S, weight >= BAR_BYTES, kept < BAR_THROUGHPUT)
    sys.exit(int(any(missed)))


if __name__ == "__main__":
    main()

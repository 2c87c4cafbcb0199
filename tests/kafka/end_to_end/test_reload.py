"""A configuration file that changes under a worker process, on a real broker."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from config import load
from streams.pipeline import Shard
from streams.planning import plan_of
from tests.kafka.brokers import RealKafka
from tests.kafka.harness import PATIENCE_S, until
from tests.kafka.pipeline import NOTIFY, RECORDED_AT_S, Deployment, requests
from tests.simulation.run import Run
from tests.streams.records import FakeRecord

LIMIT = {"profiles": [{"name": "latency", "high": 1_000_000.0}]}
"""A threshold that no record reaches."""


def logged(deployment: Deployment, event: str) -> list[dict[str, Any]]:
    lines = [line for line in deployment.log.read_text().splitlines() if line.startswith("{")]
    return [line for line in map(json.loads, lines) if line["event"] == event]


def rewrite(deployment: Deployment, **over: Any) -> None:
    """Change settings in the file that the worker was started with, in place."""
    deployment.config.write_text(json.dumps({**json.loads(deployment.config.read_text()), **over}))


def without_reload(deployment: Deployment, records: list[tuple[str, bytes, bytes]]) -> dict[str, tuple[str, str]]:
    """State and severity of the incidents that these records cause under the file as it stands, by id."""
    run = Run(Shard(plan_of(load(deployment.config, {}))))
    source = deployment.inputs[0]
    run.ingest([FakeRecord(value, at, source, 0) for at, (_, _, value) in enumerate(records)], source)
    return {one.id: (one.state, one.severity) for one in run.incidents.values()}


async def test_a_threshold_that_changes_while_records_flow_loses_no_window_no_row_and_no_open_incident(
    real: RealKafka, tmp_path: Path,
) -> None:
    """Incidents of every later window are those of a shard that learned everything without the change."""
    deployment = Deployment(real.address, tmp_path, "http://127.0.0.1:9", playbooks=NOTIFY)
    try:
        records = requests(["chat"], deployment.inputs[0], time.time() - RECORDED_AT_S - 120.0, limit=7000)
        expected = without_reload(deployment, records)
        assert {state for state, _ in expected.values()} >= {"resolved"}
        process = deployment.start()
        await deployment.produce(records[:5000])
        (opened,) = {one["id"] for one in await deployment.incidents_until(lambda one: one["state"] == "open")}
        flow = asyncio.create_task(deployment.produce(records[5000:5500]))
        rewrite(deployment, detection=LIMIT)
        await until(lambda: bool(logged(deployment, "shard_reconfigured")), "the shard changed")
        await flow
        await deployment.produce(records[5500:])  # among them the end of the incident, under the new file
        await deployment.committed_by(process)
        await deployment.all_closed()
        deadline_s, found = time.monotonic() + 60.0, dict[str, tuple[str, str]]()
        while found != expected:  # windows close by ticks, which follow the records
            assert time.monotonic() < deadline_s, (found, expected)
            await asyncio.sleep(0.2)
            found = {key.decode(): (one["state"], one["severity"]) for key, one in await deployment.read("incidents")}
        assert opened in expected
        changed = [line for line in logged(deployment, "shard_reconfigured") if line["series"]]
        assert changed
        assert [line["kept"] for line in changed] == [line["series"] for line in changed]
        hashes = {one["config_hash"] for _, one in await deployment.read("incidents")}
        assert changed[0]["config_hash"] in hashes
        accepted = f'tocsin_records_total{{outcome="accepted",topic="{deployment.inputs[0]}"}} {len(records)}.0'
        await deployment.exposes(accepted)
        await deployment.exposes('tocsin_config_reloads_total{result="applied"} 1.0')
        assert await deployment.end(process) == 0
    finally:
        deployment.dispose()


async def test_an_invalid_file_leaves_the_last_good_configuration_in_force_and_is_told_until_it_is_mended(
    real: RealKafka, tmp_path: Path,
) -> None:
    deployment = Deployment(real.address, tmp_path, "http://127.0.0.1:9", playbooks=NOTIFY)
    try:
        process = deployment.start()
        _, before = await deployment.get("/metrics")
        (in_force,) = (line for line in before.splitlines() if line.startswith("tocsin_config_info{"))
        good = deployment.config.read_text()
        rewrite(deployment, triage={"confirm_instants": "many"})
        await deployment.exposes('tocsin_config_reloads_total{result="invalid"} 1.0')
        _, metrics = await deployment.get("/metrics")
        assert in_force in metrics
        assert "tocsin_config_last_reload_successful 0.0" in metrics
        (line,) = logged(deployment, "config_invalid")
        assert (line["setting"], line["value"]) == ("triage.confirm_instants", "'many'")
        assert line["expected"]
        async with asyncio.timeout(PATIENCE_S):
            while (answer := await deployment.get("/readyz"))[0] != 200:  # noqa: ASYNC110 - another process starts
                await asyncio.sleep(0.1)
        assert any("not in force" in reason for reason in json.loads(answer[1])["degraded"])
        deployment.config.write_text(good)
        await deployment.exposes("tocsin_config_last_reload_successful 1.0")
        _, page = await deployment.get("/readyz")
        assert not any("not in force" in reason for reason in json.loads(page)["degraded"])
        process.send_signal(signal.SIGHUP)
        await deployment.exposes('tocsin_config_reloads_total{result="unchanged"} 2.0')
        assert await deployment.end(process) == 0
        (stopping,) = logged(deployment, "stopping")
        assert stopping["reason"] == "SIGTERM"
    finally:
        deployment.dispose()


@pytest.mark.parametrize("role", ["execute", "respond"])
async def test_a_role_of_its_own_takes_the_file_over_and_names_what_waits_for_a_restart(
    real: RealKafka, tmp_path: Path, role: str,
) -> None:
    deployment = Deployment(real.address, tmp_path, "http://127.0.0.1:9", playbooks=NOTIFY)
    try:
        process = deployment.start("w0", "worker", "--roles", role)
        await deployment.get("/readyz")
        limits = json.loads(deployment.config.read_text())["limits"]
        rewrite(deployment, limits={**limits, "actions_per_hour": 7}, executor={"enabled": True, "dry_run": True})
        await deployment.exposes('tocsin_config_reloads_total{result="partial"} 1.0')
        (line,) = logged(deployment, "config_reloaded")
        assert line["changed"] == "limits.actions_per_hour: 1000 -> 7"
        assert line["at_next_start"] == "executor.dry_run"
        _, page = await deployment.get("/readyz")
        assert "settings that take effect at the next start: executor.dry_run" in json.loads(page)["degraded"]
        assert await deployment.end(process) == 0
        (stopping,) = logged(deployment, "stopping")
        assert stopping["reason"] == "SIGTERM"
    finally:
        deployment.dispose()

"""The roles run apart: what watches suggests, what responds asks, and each shows its own health."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from click.testing import CliRunner

from streams.cli import main
from tests.kafka.brokers import RealKafka
from tests.kafka.pipeline import RECORDED_AT_S, Deployment, Target, requests
from tests.kafka.respond.installation import People, eventually

SUGGEST = [{
    "name": "bad-replica", "version": 1, "match": {"scopes": ["replica"]}, "mode": "suggest",
    "steps": [{"kind": "circuit_breaker", "target": "{service}/{replica}"}],
}]


async def test_with_roles_apart_a_suggestion_is_asked_and_approved_and_the_shard_hears_of_it(
    real: RealKafka, tmp_path: Path,
) -> None:
    people = People(tmp_path)
    async with Target() as target:
        deployment = Deployment(
            real.address, tmp_path, target.url, playbooks=SUGGEST, people=people.section(anna=["approver"]),
        )
        try:
            watching = deployment.start("w0", "worker", "--roles", "watch")
            responding = deployment.start("r0", "respond")
            executing = deployment.start("x0", "execute")
            # The recording ends while the fault lasts, so that the incident is open when the request is decided.
            shift_s = time.time() - RECORDED_AT_S - 120.0
            await deployment.produce(requests(["chat"], deployment.inputs[0], shift_s, limit=5000))
            await deployment.committed_by(watching)

            async def asked() -> str | None:
                found = [value for key, value in await deployment.read("response") if key.startswith(b"approval/")]
                return str(found[0]["key"]) if found else None

            key = await eventually(asked, "a request")
            options = ["--config", str(deployment.config), "--key-file", str(people.files["anna"])]
            command = ["approval", "approve", key, *options]
            done = await asyncio.to_thread(CliRunner().invoke, main, command)
            assert done.exit_code == 0, done.output
            # The shard may have written the intent before the command looks.
            assert "1 of 1 approved: anna" in done.stdout or f"{key}: released" in done.stdout, done.output

            async def heard() -> list[str] | None:
                statuses = [one["status"] for _, one in await deployment.read("outcomes") if one["key"] == key]
                return statuses if "approved" in statuses else None

            assert {"suggested", "approved"} <= set(await eventually(heard, "the outcome"))
            for instance in ("w0", "r0", "x0"):
                assert (await deployment.get("/healthz", instance))[0] == 200, instance
            await deployment.exposes('tocsin_request_changes_total{state="approved"} 1.0', "r0")
            await deployment.exposes('tocsin_actions_total{kind="circuit_breaker",status="suggested"} 1.0', "x0")
            for process in (watching, responding, executing):
                assert await deployment.end(process) == 0
        finally:
            deployment.dispose()

"""People act on an incident of a whole worker with their own key: acknowledge, assign, comment, resolve."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import orjson
from click.testing import CliRunner, Result

from streams.cli import main
from tests.kafka.brokers import RealKafka
from tests.kafka.pipeline import NOTIFY, Deployment, requests
from tests.kafka.respond.installation import People, eventually


def part(deployment: Deployment, begin: int, end: int) -> list[tuple[str, bytes, bytes]]:
    """Records of the recording, of which the last is of now: directives take effect in event time."""
    topic = deployment.inputs[0]
    last_s = orjson.loads(requests(["chat"], topic, 0.0, limit=end)[-1][2])["ts"]
    return requests(["chat"], topic, time.time() + 2.0 - last_s, limit=end)[begin:]


async def test_people_say_who_works_on_an_incident_and_declare_it_over(real: RealKafka, tmp_path: Path) -> None:
    people = People(tmp_path)
    deployment = Deployment(
        real.address, tmp_path, "http://127.0.0.1:9", playbooks=NOTIFY,
        people=people.section(ben=["responder"], vera=["viewer"]),
        # However long the commands take: no gap between the records ends the incident.
        triage={"resolve_after": "10m", "silent_after": "10m"},
    )

    async def cli(person: str, *arguments: str) -> Result:
        options = ["--config", str(deployment.config), "--key-file", str(people.files[person])]
        return await asyncio.to_thread(CliRunner().invoke, main, [*arguments, *options])

    async def last(incident_id: str, **expected: Any) -> dict[str, Any]:
        async def found() -> dict[str, Any] | None:
            # Event time reaches the directive with records that are younger than it, less what is learned of lateness.
            await deployment.produce(part(deployment, 5200, 5300))
            states = [one for _, one in await deployment.read("incidents") if one["id"] == incident_id]
            return states[-1] if states and expected.items() <= states[-1].items() else None

        return await eventually(found, f"{incident_id} {expected}")

    try:
        process = deployment.start()
        await deployment.produce(part(deployment, 0, 5000))
        opened = await deployment.incidents_until(lambda one: one["replica"] == "r1")
        (found,) = {one["id"] for one in opened if one["replica"] == "r1"}
        for arguments in (("ack", found), ("assign", found, "ben"), ("update", found, "restarting r1")):
            done = await cli("ben", "incident", *arguments)
            assert done.exit_code == 0, done.output
        await deployment.exposes('tocsin_control_records_total{answer="accepted"} 3.0')
        await last(found, assigned_to="ben")
        refused = await cli("vera", "incident", "resolve", found)
        assert (refused.exit_code, "refused: " in refused.stderr) == (1, True), refused.output
        assert "vera may not resolve, expected the role responder" in refused.stderr
        await deployment.exposes('tocsin_control_records_total{answer="not_allowed"} 1.0')
        assert (await cli("ben", "incident", "resolve", found, "--comment", "restarted")).exit_code == 0
        await deployment.exposes('tocsin_control_records_total{answer="accepted"} 4.0')
        ended = await last(found, state="resolved", resolution="manual")
        assert [(note["by"], note["text"]) for note in ended["notes"]] == [("ben", "restarting r1")]
        assert (ended["assigned_to"], ended["acknowledged"]["by"]) == ("ben", "ben")
        again = await cli("ben", "incident", "resolve", found)
        assert (again.exit_code, "already" in again.stderr) == (1, True)
        assert await deployment.end(process) == 0
    finally:
        deployment.dispose()

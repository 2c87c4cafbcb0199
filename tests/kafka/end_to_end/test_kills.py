"""The proof that nothing is lost: a worker killed at random points comes to the same incidents, and acts once."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from pathlib import Path
from typing import Any

import orjson

from tests.kafka.brokers import RealKafka
from tests.kafka.pipeline import RECORDED_AT_S, Deployment, Target, requests

KILLS = 20
RECORDED_S = 310.0
"""Of the recording, the part that is used is shorter: no record is ahead of our clock."""
SERVICES = ("chat", "search", "agents")
VERDICT = (
    "id", "state", "opened_at_s", "resolved_at_s", "category", "severity", "peak_severity", "service", "model",
    "version", "replica", "tenant",
)
REFINED = ("onset_at_s", "title", "factors", "evidence")
"""What later alarms refine. That alone publishes nothing before the minute's repetition."""
# Not a breaker: while one is in force the silence behind it is expected, and here minutes of event time pass until the
# outcome of an action is known, more or fewer of them with every kill. It may take minutes until an intent is executed.
PLAYBOOKS = [{
    "name": "all", "version": 1, "match": {}, "mode": "auto", "expires_after": "1h",
    "steps": [{"kind": "throttle", "target": "{service}/{model}"}, {"kind": "notify", "target": "{service}"}],
}]


async def verdicts(deployment: Deployment) -> dict[str, dict[str, Any]]:
    """The last state of each incident, without what depends on the time of an action and on the names of topics.

    What is refined is left out of an open incident: it dates from the last publication, which an outcome of an action
    brings about as well.
    """
    found = {record.key.decode(): record.value for record in await deployment.records("incidents")}
    published = {key: orjson.loads(value.replace(deployment.name.encode(), b"")) for key, value in found.items()}
    return {
        key: {name: incident[name] for name in (*VERDICT, *(REFINED if incident["state"] == "resolved" else ()))}
        for key, incident in published.items()
    }


async def audit_of(deployment: Deployment) -> dict[str, dict[str, Any]]:
    """The steps of incidents on the audit topic, by the id of the event; an entry that was written twice is one.

    Without the verdicts on remedies: they depend on when an outcome came.
    """
    decided = {intent["key"] for _, intent in await deployment.read("actions")}
    found: dict[str, dict[str, Any]] = {}
    for record in await deployment.records("audit"):
        event_id, entry = dict(record.headers)["ce_id"].decode(), orjson.loads(record.value)
        if entry["subject"] not in decided and entry["event"] != "verify":
            assert found.setdefault(event_id, entry) == entry
    return found


async def test_twenty_kills_change_no_incident_and_execute_no_action_twice(real: RealKafka, tmp_path: Path) -> None:
    rng = random.Random(20261123)
    shift_s = time.time() - RECORDED_AT_S - RECORDED_S
    async with Target() as calm_target, Target() as target:
        calm = Deployment(real.address, tmp_path, calm_target.url, playbooks=PLAYBOOKS)
        killed = Deployment(real.address, tmp_path, target.url, playbooks=PLAYBOOKS)
        try:
            records = requests(SERVICES, calm.inputs[0], shift_s, limit=45_000)
            await calm.produce(records)
            process = calm.start()
            await calm.committed_by(process)
            await calm.all_closed()
            await calm.end(process)

            part = len(records) // (KILLS + 1)
            for kill in range(KILLS):
                await killed.produce([
                    (killed.inputs[0], key, value) for _, key, value in records[kill * part : (kill + 1) * part]
                ])
                process = killed.start()
                await asyncio.sleep(rng.uniform(0.5, 3.5))  # the random point is the test, not a wait for something
                await killed.end(process, signal.SIGKILL)
            await killed.produce([(killed.inputs[0], key, value) for _, key, value in records[KILLS * part :]])
            process = killed.start()
            await killed.committed_by(process)
            await killed.all_closed()
            await killed.all_finished()
            await killed.end(process)

            expected, found = await verdicts(calm), await verdicts(killed)
            assert len(expected) >= 5
            assert found == expected
            steps = await audit_of(calm)
            assert {step["subject"] for step in steps.values()} >= expected.keys()
            assert await audit_of(killed) == steps
            assert max(target.calls.values()) == 1
            decided = {intent["key"] for _, intent in await killed.read("actions")}
            outcomes = [outcome for _, outcome in await killed.read("outcomes")]
            assert decided == {outcome["key"] for outcome in outcomes}
            assert sum(outcome["status"] == "executed" for outcome in outcomes) >= 3
        finally:
            calm.dispose()
            killed.dispose()

"""An incident of one shard explains one of another, over a broker."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from aiokafka.partitioner import DefaultPartitioner  # type: ignore[import-untyped]

from streams.cluster.required_topics import NEW_PARTITIONS
from tests.kafka.conftest import Broker
from tests.kafka.pipeline import NOTIFY, RECORDED_AT_S, Deployment, requests

NEEDS = {"dependencies": [{"service": "search", "on": ["chat"]}]}
UP_TO_THE_INCIDENT = 5500
"""Requests of one service up to a moment in which its first incident is open."""


async def last_of(deployment: Deployment, service: str) -> dict[str, Any] | None:
    """The service's first incident, as last published."""
    published = [incident for _, incident in await deployment.read("incidents") if incident["service"] == service]
    return [one for one in published if one["id"] == published[0]["id"]][-1] if published else None


async def test_an_incident_is_the_effect_of_one_in_a_shard_that_it_knows_from_the_topic_alone(
    broker: Broker, tmp_path: Path,
) -> None:
    shards = list(range(NEW_PARTITIONS))
    assert len({DefaultPartitioner()(service, shards, shards) for service in (b"chat", b"search")}) == 2
    deployment = Deployment(broker.address, tmp_path, "http://127.0.0.1:9", playbooks=NOTIFY, triage=NEEDS)
    try:
        process = deployment.start()
        shift_s = time.time() - RECORDED_AT_S - 120.0
        records = requests(["chat", "search"], deployment.inputs[0], shift_s, limit=2 * UP_TO_THE_INCIDENT)
        await deployment.produce(records)
        async with asyncio.timeout(60.0):
            while True:
                cause, effect = await last_of(deployment, "chat"), await last_of(deployment, "search")
                if effect is not None and cause is not None and effect["related"]:
                    break
                await asyncio.sleep(0.2)
        assert effect["related"] == [{"id": cause["id"], "relation": "caused_by"}]
        assert await deployment.end(process) == 0
    finally:
        deployment.dispose()

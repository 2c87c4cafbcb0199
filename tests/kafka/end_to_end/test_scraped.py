"""Metrics that arrive aggregated, from a topic through the whole worker to the published incident."""

from __future__ import annotations

from pathlib import Path

from benchmarks.scrapes import WRITERS, Load, T, scrapes
from tests.kafka.conftest import Broker
from tests.kafka.pipeline import Deployment, Target

BEGINS_S, LASTS_S = 600.0, 900.0
SICK = "10.0.0.1:8000"


def sick(at_s: float, replica: str) -> Load:
    """One replica takes three times as long over each token, from `BEGINS_S` on."""
    return Load(token_s=0.06) if at_s >= BEGINS_S and replica == SICK else Load()


async def test_a_slow_replica_is_found_from_what_its_exporter_says(broker: Broker, tmp_path: Path) -> None:
    async with Target() as target:
        deployment = Deployment(broker.address, tmp_path, target.url, ("metrics",), "otlp_proto")
        try:
            process = deployment.start()
            values = [value for scrape in scrapes(LASTS_S, sick) for value in WRITERS["otlp_proto"](scrape)]
            await deployment.produce((deployment.inputs[0], b"vllm", value) for value in values)
            await deployment.committed_by(process)

            (found,) = {incident["id"]: incident for incident in await deployment.incidents_until()}.values()
            assert (found["category"], found["service"], found["replica"]) == ("performance_degradation", "vllm", SICK)
            assert 0.0 <= found["opened_at_s"] - T - BEGINS_S <= 60.0
            (records,) = found["evidence"][0]["records"]
            assert (records["topic"], records["start"] < records["end"]) == (deployment.inputs[0], True)
        finally:
            deployment.dispose()

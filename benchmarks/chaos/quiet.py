"""The quiet run: the same records of the services through the same pipeline, in order, without broker and faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from benchmarks.chaos.plan import Plan
from benchmarks.chaos.traffic import records
from config import load
from streams.planning import plan_of
from streams.replay.replay import replay


def quiet_incidents(plan: Plan, start_s: float, config: Path) -> list[dict[str, Any]]:
    """The final states of its incidents, as JSON values. config: of a worker of the run."""
    values = enumerate(value for _, _, value in records(plan, start_s))
    found = replay(plan_of(load(config, {})), values)
    return [orjson.loads(orjson.dumps(incident)) for incident in found.incidents.values()]

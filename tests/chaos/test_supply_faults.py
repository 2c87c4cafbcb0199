"""The supply of Tocsin breaks on a real Kafka, and nothing false is published, nothing missed, and nothing left over.

A bounded part of `python -m benchmarks.chaos`, which runs every kind of fault for as long as one likes.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.chaos.engine import Run
from benchmarks.chaos.plan import make_plan

SEEDS = (1,)
SECONDS, TAIL_S = 78.0, 22.0
KINDS = ("worker-kill", "worker-stop", "broker-kill", "network-cut", "poison", "duplicates", "target-slow")


@pytest.mark.usefixtures("real_kafka")
@pytest.mark.parametrize("seed", SEEDS)
def test_faults_of_the_supply_break_no_rule(seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = make_plan(seed, SECONDS, KINDS, TAIL_S)
    with capsys.disabled():
        print(f"\nchaos: {plan.command}")
    found = {name: broken for name, broken in Run(plan, tmp_path, print).run().items() if broken}
    assert not found, f"reproduce with {plan.command}; logs are in {tmp_path}"

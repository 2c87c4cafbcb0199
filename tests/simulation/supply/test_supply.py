"""Whatever happens to the supply: no false incident, none missed, no wrong action, nothing orphaned, nothing twice.

A seed that fails: `python -m benchmarks.supply --seeds 1 --first SEED`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from tests.simulation.supply.checks import first_and_last, violations
from tests.simulation.supply.old_rules import old_worker
from tests.simulation.supply.runs import judge
from tests.simulation.supply.world import KINDS, World, new_worker, quiet, script_of

SEEDS = range(20_000, 20_080)


def test_no_seed_violates_anything() -> None:
    found = {seed: violated for seed in SEEDS if (violated := judge(seed))}
    assert found == {}


@pytest.mark.parametrize("kind", KINDS)
def test_no_fault_of_the_supply_alone_violates_anything(kind: str) -> None:
    found = {seed: violated for seed in range(4) if (violated := judge(seed, (kind,), troubles=1))}
    assert found == {}


def test_a_quiet_world_has_an_incident_for_each_real_fault_and_all_ends() -> None:
    for seed in range(8):
        script = quiet(script_of(seed, troubles=2))
        world = World(script).run()
        assert violations(world) == []
        assert len(first_and_last(world)) == len(script.troubles)


def test_a_seed_is_the_same_each_time() -> None:
    one, other = (World(script_of(7)).run() for _ in range(2))
    assert [str(each) for each in first_and_last(one).items()] == [str(each) for each in first_and_last(other).items()]
    assert {key: part.entries for key, part in one.broker.partitions.items() if key[0] != "state"} == {
        key: part.entries for key, part in other.broker.partitions.items() if key[0] != "state"
    }


OLD_FAULTS: dict[str, tuple[Sequence[str], int, str]] = {
    "C1: a worker that was stopped": (("freeze",), 0, "false"),
    "C1: what it did stays": (("freeze",), 0, "left open"),
    "C2: an outage of the broker": (("outage",), 0, "false"),
    "C2: its records are dropped": (("outage",), 0, "late"),
    "C3: a kill after a silence": (("kill", "backlog"), 1, "left open"),
    "C4: an intent that was lost": (("storm", "kill"), 2, "unanswered"),
    "C5: another configuration": (("configuration",), 1, "left open"),
}


@pytest.mark.parametrize("name", OLD_FAULTS)
def test_the_same_checks_find_the_faults_of_the_old_rules_and_none_of_the_new(name: str) -> None:
    kinds, troubles, expected = OLD_FAULTS[name]
    for seed in range(60):
        found = Counter(each.partition(":")[0] for each in judge(seed, kinds, troubles, old_worker, compare=False))
        if found[expected]:
            assert judge(seed, kinds, troubles, new_worker) == []
            return
    pytest.fail(f"no seed shows {expected!r}")

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

SEEDS = range(20_000, 20_030)


def test_no_seed_violates_anything() -> None:
    found = {seed: violated for seed in SEEDS if (violated := judge(seed))}
    assert found == {}


@pytest.mark.parametrize("kind", KINDS)
def test_no_fault_of_the_supply_alone_violates_anything(kind: str) -> None:
    found = {seed: violated for seed in range(2) if (violated := judge(seed, (kind,), troubles=1))}
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


# Seeds that violated something once, by the cause.
FOUND: dict[str, int] = {
    "the owner drops a shard after an outage and takes it over again": 51741,
    "a transaction is not answered right before an outage": 50915,
    "a worker that was cut off takes over after an outage": 51225,
    "the only process is killed in an outage and restarted after it": 71923,
    "another configuration while all flush seldom": 50954,
    "another configuration, and the first lesson comes from who was silent": 60625,
    "another configuration, and nobody has shown yet in which order two deliver": 71154,
    "an outage in the first seconds is not learned as disorder by the next owner": 73027,
    "a producer tries again 10 s after the take-over": 76608,
    "what was learned does not fade in a storm of take-overs": 75986,
    "a process starts at the end of an outage with another configuration": 81034,
    "another configuration, by a process that has just started, right after an outage": 81034,
    "a worker that lost its partition does not run its own claim again": 73620,
}


@pytest.mark.parametrize("name", FOUND)
def test_a_seed_that_once_violated_something_does_not(name: str) -> None:
    assert judge(FOUND[name]) == []


# The name of a fault: kinds of faults of the supply, real faults, what is violated, and the first seed to try.
OLD_FAULTS: dict[str, tuple[Sequence[str], int, str, int]] = {
    "C1: a worker that was stopped": (("freeze",), 0, "false", 0),
    "C1: what it did stays": (("freeze",), 0, "left open", 0),
    "C2: an outage of the broker": (("outage",), 0, "false", 0),
    "C2: its records are dropped": (("outage",), 0, "late", 0),
    "C3: a kill after a silence": (("outage", "kill"), 0, "left open", 104),
    "C4: an intent that was lost": (("storm", "kill"), 2, "unanswered", 0),
    "C5: another configuration": (("configuration",), 1, "left open", 0),
}


@pytest.mark.parametrize("name", OLD_FAULTS)
def test_the_same_checks_find_the_faults_of_the_old_rules_and_none_of_the_new(name: str) -> None:
    kinds, troubles, expected, first = OLD_FAULTS[name]
    for seed in range(first, first + 40):
        found = Counter(each.partition(":")[0] for each in judge(seed, kinds, troubles, old_worker, compare=False))
        if found[expected]:
            assert judge(seed, kinds, troubles, new_worker) == []
            return
    pytest.fail(f"no seed shows {expected!r}")

"""A snapshot that the release before wrote, as bytes: what a worker of this release makes of it.

`stored/version-16.snapshot.gz` was written by commit 64b25f78 for the shipped default: four replicas, 60 seconds of
ordinary traffic, a silence, and 20 seconds in which r1 was slow. A new version of the snapshot replaces the file by one
of the version before it.
"""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from streams.pipeline import Shard
from streams.shard.snapshot import READABLE, VERSION, Snapshot
from streams.state.snapshots import decode
from tests.simulation.fleet import PLAN, Fleet, sick
from tests.simulation.run import Run

FILE = Path(__file__).parent / "stored" / "version-16.snapshot.gz"
INCIDENT = "inc-63240bbdda2c0846"


@pytest.fixture
def stored() -> Snapshot:
    snapshot = decode(gzip.decompress(FILE.read_bytes()))
    assert snapshot.version == VERSION - 1
    assert snapshot.version in READABLE
    return snapshot


def goes_on(shard: Shard) -> None:
    """The incident, the silence and the place in the log."""
    (found,) = shard.triage.open_incidents()
    assert (found.id, found.state, found.replica) == (INCIDENT, "open", "r1")
    assert [one["id"] for one in shard.directives.dump()["silences"]["silences"]] == ["s1"]
    assert shard.offsets == {"inference.latency": 3200}


def test_under_the_same_configuration_every_row_and_the_open_incident_go_on(stored: Snapshot) -> None:
    shard = Shard.restored(replace(PLAN, state_hash=stored.config_hash), stored)
    assert shard.migration is not None
    assert (shard.migration.kept, shard.migration.series) == (18, 18)
    rows = shard.series.active()
    latency = [row for row in rows.tolist() if shard.series.key(row)[0] == "latency_ms"]
    assert np.abs(shard.suite.expected(np.array(latency)) - 100.0).max() < 10.0
    goes_on(shard)


def test_the_incident_is_not_opened_again_and_resolves_when_its_cause_is_over(stored: Snapshot) -> None:
    shard = Shard.restored(replace(PLAN, state_hash=stored.config_hash), stored)
    fleet = Fleet(Run(shard), ("r0", "r1", "r2", "r3"), second=80, sent=3200)
    fleet.play(20, sick("r1"))
    fleet.play(120)
    assert {(change, one.id) for change, one in fleet.run.changes if change != "updated"} == {("resolved", INCIDENT)}
    assert fleet.run.incidents[INCIDENT].resolution != "lost"


def test_under_another_configuration_the_series_learn_anew_and_the_rest_goes_on(stored: Snapshot) -> None:
    """The version before does not say by which parameters it was learned."""
    shard = Shard.restored(replace(PLAN, state_hash="another"), stored)
    assert shard.migration is not None
    assert (shard.migration.kept, shard.migration.series) == (0, 18)
    goes_on(shard)


def test_an_older_snapshot_is_refused(stored: Snapshot) -> None:
    with pytest.raises(ValueError, match=rf"snapshot version {VERSION - 2}, expected one of"):
        Shard.restored(PLAN, replace(stored, version=VERSION - 2))

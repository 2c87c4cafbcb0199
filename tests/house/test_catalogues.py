"""What a catalogue offers is tested by its conformance suite, and shipped with its parameters."""

from __future__ import annotations

import subprocess
import sys

import pytest

from actions.catalogue import CATALOGUE as ACTIONS
from detectors.catalogue import CATALOGUE as DETECTORS
from tests.house.tree import ROOT


@pytest.mark.parametrize(("folder", "names"), [("tests/actions", set(ACTIONS)), ("tests/detectors", set(DETECTORS))])
def test_every_entry_of_a_catalogue_has_a_conformance_run(folder: str, names: set[str]) -> None:
    collect = [sys.executable, "-m", "pytest", "-o", "addopts=", "--collect-only", "-q", "-k", "conform", folder]
    done = subprocess.run(collect, cwd=ROOT, capture_output=True, text=True, check=False)
    runs = [line.partition("[")[2] for line in done.stdout.splitlines()]
    # An entry of another kind than the suite's (absence has no windows to score) is tested in a file of its own.
    run = {
        name for name in names
        if any(name in line for line in runs) or list((ROOT / folder).rglob(f"test_{name}.py"))
    }
    assert sorted(names - run) == []

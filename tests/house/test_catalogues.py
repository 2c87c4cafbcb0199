"""What a catalogue offers is tested by its conformance suite, and shipped with its parameters."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

import pytest

from actions.catalogue import CATALOGUE as ACTIONS
from benchmarks.scrapes import WRITERS
from benchmarks.triage.generator.scenario import CATEGORIES as INJECTED
from classifiers.causes.causal_rules import CAUSAL_ORDER
from classifiers.evidence.families import Family
from classifiers.model import ServiceCategory
from detectors.catalogue import CATALOGUE as DETECTORS
from streams.contracts.asyncapi import FORMATS as MESSAGES
from streams.intake.formats import FORMATS
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


def test_every_input_format_is_in_the_asyncapi_document_and_in_the_benchmark() -> None:
    assert set(MESSAGES) == set(FORMATS)
    assert {"native", *WRITERS} == set(FORMATS)


def test_every_metric_family_has_its_place_from_cause_to_effect() -> None:
    assert set(get_args(Family)) <= set(CAUSAL_ORDER)


def test_every_category_has_faults_in_the_benchmark() -> None:
    assert set(INJECTED) == set(get_args(ServiceCategory))

"""Every bank of the catalogue, and the whole suite, through every conformance check."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from detectors.catalogue import CATALOGUE, ON_ARRIVALS, ON_SPENDING
from detectors.check_cases import CASES, Case
from detectors.checks import CHECKS


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bank_conforms(case: Case, check: Callable[[Case], None]) -> None:
    check(case)


def test_every_catalogue_entry_that_scores_windows_has_a_case() -> None:
    assert {case.name for case in CASES} == set(CATALOGUE) - set(ON_ARRIVALS) - set(ON_SPENDING)

"""Each detector alone has a cost."""

from __future__ import annotations

import pytest

from benchmarks.detection.cost import bank_cost
from detectors.catalogue import ON_RESIDUALS, ON_VALUES


@pytest.mark.parametrize("name", sorted(ON_VALUES | ON_RESIDUALS))
def test_the_cost_of_each_detector_can_be_measured(name: str) -> None:
    took_us, size_bytes = bank_cost(name, rows=2, measured=1)
    assert took_us > 0.0
    assert size_bytes > 0.0

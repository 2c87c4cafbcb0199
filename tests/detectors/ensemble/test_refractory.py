"""Refractory gating: one alarm a change."""

from __future__ import annotations

import numpy as np

from detectors.ensemble.refractory import Refractory

ROW = np.array([0])


def passed(heights: list[float], span: int = 10) -> list[bool]:
    gate, found = Refractory(span, 1), []
    for height in heights:
        found.append(bool(gate.passes(ROW, np.array([height]))[0]))
        gate.observe(ROW, np.array([height]))
    return found


def test_only_what_is_higher_passes() -> None:
    assert passed([1.0, 1.0, 2.0, 1.5, 0.0]) == [True, False, True, False, False]


def test_a_height_is_forgotten_after_its_span() -> None:
    found = passed([5.0, *[0.0] * 10, 1.0])
    assert found[-1]
    assert not passed([5.0, *[0.0] * 3, 1.0])[-1]


def test_unknown_heights_neither_pass_nor_count() -> None:
    assert passed([np.nan, 1.0]) == [False, True]

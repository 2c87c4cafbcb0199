"""Refractory gating: one alarm a change."""

from __future__ import annotations

import numpy as np

from detectors.ensemble.refractory import Refractory

ROW = np.array([0])


def passed(levels: list[float], span: int = 10) -> list[bool]:
    gate, found = Refractory(span, 1), []
    for level in levels:
        found.append(bool(gate.passes(ROW, np.array([level]))[0]))
        gate.observe(ROW, np.array([level]))
    return found


def test_only_a_higher_level_passes() -> None:
    assert passed([1.0, 1.0, 2.0, 1.5, 0.0]) == [True, False, True, False, False]


def test_a_level_is_forgotten_after_the_span() -> None:
    found = passed([5.0, *[0.0] * 10, 1.0])
    assert found[-1]
    assert not passed([5.0, *[0.0] * 3, 1.0])[-1]


def test_an_unknown_level_neither_passes_nor_is_remembered() -> None:
    assert passed([np.nan, 1.0]) == [False, True]

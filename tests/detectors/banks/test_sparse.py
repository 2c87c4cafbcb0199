"""Sparse banks: they behave as their inner bank, and have slots only for rows that use it."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.banks.sparse import SparseBank
from detectors.checks import feed, noise, play
from detectors.river.gaussian import GaussianParams
from tests.detectors.blocks import windows


def bank_of(rows: int) -> SparseBank:
    return SparseBank(GaussianParams().build, rows)


def test_levels_are_those_of_the_bank_itself() -> None:
    stream = noise(120, 9)
    assert np.array_equal(play(bank_of(9), stream), play(GaussianParams().build(9), stream), equal_nan=True)


def test_unused_rows_are_cold_and_cost_nothing() -> None:
    bank = bank_of(100_000)
    play(bank, noise(50, 3))
    assert np.isnan(bank.score(windows([1.0] * 5, 50.0)).level).tolist() == [False] * 3 + [True] * 2
    assert bank.snapshot(np.arange(3, 100_000)) == {}


def test_a_snapshot_continues_in_other_rows_and_allocates_no_unused_one() -> None:
    old, new = bank_of(4), bank_of(9)
    play(old, noise(60, 2))
    rows = np.array([8, 0, 5, 3])
    new.restore(rows, old.snapshot(np.arange(4)))
    block = windows([140.0, 90.0], 60.0)
    assert np.array_equal(new.score(block.with_rows(rows[:2])).level, old.score(block).level)
    assert not new.slots(np.array([5, 3])).any()


def test_slots_of_forgotten_rows_are_reused() -> None:
    bank = bank_of(50)
    for row in range(50):
        feed(bank, windows([1.0], 0.0).with_rows(np.array([row])))
        bank.forget(np.array([row]))
    assert bank.snapshot(np.arange(50)) == {}
    feed(bank, windows([1.0], 1.0))
    assert bank.slots(np.array([0]))[0] == 1


def test_a_foreign_snapshot_is_refused() -> None:
    bank = bank_of(2)
    with pytest.raises(ValueError, match="has_slot"):
        bank.restore(np.arange(2), {"rows.mean": np.zeros(2)})

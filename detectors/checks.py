"""The conformance suite: what every bank in the catalogue must do, whatever it detects.

Each check builds banks from a `Case`, feeds them generated streams, and raises `AssertionError` with the case's name.
`tests/detectors/` runs every check on every case. A new catalogue entry needs a case in `detectors/check_cases.py`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from detectors.base import Block, Detector, FloatArray, IntArray, State
from detectors.check_cases import Case


def block(values: FloatArray, at: float, rows: IntArray | None = None, window_s: float = 1.0) -> Block:
    """Windows of one sample each, one per row."""
    n = len(values)
    rows = np.arange(n) if rows is None else rows
    start = np.full(n, at * window_s)
    return Block(rows, start, start + window_s, values, np.ones(n), np.zeros(n), values, values)


def feed(bank: Detector, block: Block) -> None:
    """Let a bank observe a block and learn all of it."""
    bank.observe(block)
    bank.learn(block)


def play(bank: Detector, stream: FloatArray, at: int = 0, window_s: float = 1.0) -> FloatArray:
    """Score a (windows, rows) stream and learn all of it; (windows, rows) levels."""
    levels = []
    for step, values in enumerate(stream):
        one = block(values, at + step, window_s=window_s)
        levels.append(bank.score(one).level)
        feed(bank, one)
    return np.array(levels)


def noise(windows: int, rows: int, seed: int = 0) -> FloatArray:
    """An ordinary stream of mean 100 and standard deviation 10."""
    return 100.0 + 10.0 * np.random.default_rng(seed).normal(size=(windows, rows))


def scoring_changes_nothing(case: Case) -> None:
    """Scoring twice gives the same scores twice, and leaves the state as if it had never been done."""
    scored, plain = case.build(3), case.build(3)
    for at, values in enumerate(noise(80, 3)):
        one = block(values, at, window_s=case.window_s)
        first, second = scored.score(one), scored.score(one)
        assert np.array_equal(first.level, second.level, equal_nan=True), case.name
        feed(scored, one)
        feed(plain, one)
    _same_state(scored.snapshot(np.arange(3)), plain.snapshot(np.arange(3)), case.name)


def cold_rows_have_no_level(case: Case) -> None:
    """The level of a cold row is NaN and its direction 0; a row does not stay cold."""
    bank = case.build(2)
    scores = bank.score(block(np.array([1.0, 2.0]), 0))
    assert np.isnan(scores.level).all() == case.learns, case.name
    assert not scores.direction.any(), case.name
    levels = play(bank, noise(200, 2), window_s=case.window_s)
    assert np.isfinite(levels[100:]).all(), case.name


def finite_values_give_finite_levels(case: Case) -> None:
    """Zero, negative, subnormal, huge: no NaN or infinity once a row is warm."""
    bank = case.build(4)
    play(bank, noise(200, 4), window_s=case.window_s)
    for at, value in enumerate((0.0, -0.0, -5.0, 5e-324, -1e-310, 1e12, -1e12, 1e38, 1e300, -1e300) * 4):
        one = block(np.full(4, value), 200 + at, window_s=case.window_s)
        scores = bank.score(one)
        assert np.isfinite(scores.level).all(), (case.name, value)
        assert np.isfinite(scores.raw).all(), (case.name, value)
        feed(bank, one)


def a_flat_stream_adapts_to_jitter(case: Case) -> None:
    """Jitter after a flat stretch may alarm, but not for ever."""
    bank = case.build(1)
    play(bank, np.full((200, 1), 100.0), window_s=case.window_s)
    levels = play(bank, 100.0 + 1e-3 * np.random.default_rng(1).normal(size=(600, 1)), at=200, window_s=case.window_s)
    assert (levels[300:] >= 1.0).sum() <= 1, case.name


def a_flat_stream_alarms_when_it_jumps(case: Case) -> None:
    """A flat stretch must not make a bank blind. The jump exceeds the limits of the static case."""
    bank = case.build(1)
    levels = play(bank, np.full((200, 1), 100.0), window_s=case.window_s)
    assert not (levels >= 1.0).any(), case.name
    levels = play(bank, np.full((40, 1), 2e3), at=200, window_s=case.window_s)
    assert (levels >= 1.0).any(), case.name


def an_outlier_does_not_poison(case: Case) -> None:
    """After one absurd window an ordinary stream raises no alarms, and a clear change still does."""
    bank = case.build(1)
    play(bank, noise(300, 1), window_s=case.window_s)
    levels = play(bank, np.full((1, 1), 1e12), at=300, window_s=case.window_s)
    assert not case.spikes or (levels >= 1.0).all(), case.name
    levels = play(bank, noise(200, 1, seed=2), at=301, window_s=case.window_s)
    assert (levels[20:] >= 1.0).sum() <= 1, case.name
    levels = play(bank, 1e4 + noise(40, 1, seed=3), at=501, window_s=case.window_s)
    assert (levels >= 1.0).any(), case.name


def levels_do_not_depend_on_units(case: Case) -> None:
    """Where declared: the same stream in another unit has the same levels (up to float32)."""
    if not case.equivariant:
        return
    stream = noise(300, 2)
    stream[250:] += 60.0
    plain = play(case.build(2), stream, window_s=case.window_s)
    scaled = play(case.build(2), 1000.0 * stream + 5.0e4, window_s=case.window_s)
    assert np.allclose(plain, scaled, rtol=1e-2, atol=1e-2, equal_nan=True), case.name


def a_restored_bank_continues_bit_for_bit(case: Case) -> None:
    """Also in other rows of another bank."""
    stream = noise(260, 3)
    stream[230:] += 30.0
    old, new = case.build(3), case.build(6)
    play(old, stream[:150], window_s=case.window_s)
    state = old.snapshot(np.arange(3))
    kept = {name: cells.copy() for name, cells in state.items()}
    rows = np.array([5, 1, 3])
    new.restore(rows, state)
    for at, values in enumerate(stream[150:]):
        one, other = block(values, 150 + at, None, case.window_s), block(values, 150 + at, rows, case.window_s)
        mine, its = old.score(one), new.score(other)
        for a, b in ((mine.level, its.level), (mine.raw, its.raw), (mine.expected, its.expected)):
            assert np.array_equal(a, b, equal_nan=True), case.name
        feed(old, one)
        feed(new, other)
    _same_state(state, kept, case.name)
    _same_state(old.snapshot(np.arange(3)), new.snapshot(rows), case.name)


def forgotten_rows_are_cold(case: Case) -> None:
    """The other rows keep their state."""
    bank, fresh = case.build(2), case.build(2)
    play(bank, noise(200, 2), window_s=case.window_s)
    kept = bank.snapshot(np.array([1]))
    bank.forget(np.array([0]))
    _same_state(bank.snapshot(np.array([0])), fresh.snapshot(np.array([0])), case.name)
    _same_state(bank.snapshot(np.array([1])), kept, case.name)


def growing_keeps_state(case: Case) -> None:
    """Old rows keep their state; new ones are cold."""
    bank, fresh = case.build(2), case.build(5)
    play(bank, noise(100, 2), window_s=case.window_s)
    before = bank.snapshot(np.arange(2))
    bank.grow(5)
    _same_state(bank.snapshot(np.arange(2)), before, case.name)
    _same_state(bank.snapshot(np.arange(2, 5)), fresh.snapshot(np.arange(2, 5)), case.name)
    bank.grow(3)
    _same_state(bank.snapshot(np.arange(2)), before, case.name)


def rows_are_independent(case: Case) -> None:
    """A row has the same levels alone, among others, and among others in another order."""
    stream = noise(200, 4)
    stream[150:, 1] += 80.0
    together = play(case.build(4), stream, window_s=case.window_s)
    alone = play(case.build(1), stream[:, 1:2], window_s=case.window_s)
    assert np.array_equal(together[:, 1], alone[:, 0], equal_nan=True), case.name
    bank, order = case.build(4), np.array([2, 0, 3, 1])
    for at, values in enumerate(stream):
        one = block(values[order], at, order, case.window_s)
        assert np.array_equal(bank.score(one).level, together[at][order], equal_nan=True), case.name
        feed(bank, one)


def foreign_state_is_refused(case: Case) -> None:
    """Wrong names, shapes or types raise `ValueError` and leave the bank as it was."""
    bank, rows = case.build(2), np.arange(2)
    play(bank, noise(100, 2), window_s=case.window_s)
    before = bank.snapshot(rows)
    name = sorted(before)[0]
    foreign: tuple[dict[str, NDArray[np.generic]], ...] = (
        {},
        {**before, "foreign": np.zeros(2)},
        {k: v for k, v in before.items() if k != name},
        {**before, name: before[name][:1]},
        {**before, name: before[name].astype(object)},
        {**before, name: before[name].astype(np.complex128)},
    )
    for state in foreign:
        try:
            bank.restore(rows, state)
        except ValueError:
            continue
        raise AssertionError(f"{case.name}: accepted {sorted(state)}")
    _same_state(bank.snapshot(rows), before, case.name)


CHECKS: tuple[Callable[[Case], None], ...] = (
    scoring_changes_nothing, cold_rows_have_no_level, finite_values_give_finite_levels,
    a_flat_stream_adapts_to_jitter, a_flat_stream_alarms_when_it_jumps, an_outlier_does_not_poison,
    levels_do_not_depend_on_units, a_restored_bank_continues_bit_for_bit, forgotten_rows_are_cold, growing_keeps_state,
    rows_are_independent, foreign_state_is_refused,
)


def _same_state(one: State, other: State, name: str) -> None:
    assert set(one) == set(other), name
    for column in one:
        assert one[column].dtype == other[column].dtype, (name, column)
        assert one[column].tobytes() == other[column].tobytes(), (name, column)

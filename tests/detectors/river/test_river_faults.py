"""River's known faults: each is shown on river's object, and then shown not to occur in the bank that wraps it.

A first half that fails means that river has mended the fault, and that the workaround can be removed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol, cast

import numpy as np
import pytest
from river import anomaly, drift

from detectors.banks.composite import Bank
from detectors.base import FloatArray, Scores
from detectors.check_cases import OnResiduals
from detectors.checks import feed, play
from detectors.river.adwin import AdwinParams
from detectors.river.gaussian import GaussianParams
from detectors.river.half_space_trees import HalfSpaceTreesParams
from detectors.river.kswin import KswinParams
from detectors.river.page_hinkley import PageHinkleyParams
from tests.detectors.blocks import windows

EVERY = 5000.0
NAN = math.nan


class Drift(Protocol):
    """River's own methods have no types."""

    @property
    def drift_detected(self) -> bool: ...

    def update(self, x: float) -> None: ...


class Scorer(Protocol):
    def score_one(self, x: object, y: float = ...) -> float: ...

    def learn_one(self, x: object, y: float = ...) -> None: ...


def bare_gaussian(window: int | None = None, grace: int = 30) -> Scorer:
    return cast("Callable[[int | None, int], Scorer]", anomaly.GaussianScorer)(window, grace)


def bare_trees() -> Scorer:
    return cast("Scorer", anomaly.HalfSpaceTrees(seed=1))


def bare_adwin() -> Drift:
    return cast("Callable[[], Drift]", drift.ADWIN)()


def bare_page_hinkley() -> Drift:
    return cast("Drift", drift.PageHinkley())


def bare_kswin(seed: int | None = 1) -> drift.KSWIN:
    return drift.KSWIN(alpha=1e-6, seed=seed)


def noise(n: int, seed: int = 0, mean: float = 0.0) -> FloatArray:
    return mean + np.random.default_rng(seed).normal(size=n)


def findings(detector: Drift, stream: FloatArray) -> list[int]:
    """The windows at which a bare drift detector finds a change."""
    found = []
    for at, value in enumerate(stream.tolist()):
        detector.update(value)
        if detector.drift_detected:
            found.append(at)
    return found


def alarms(bank: Bank, stream: FloatArray, at: int = 0) -> list[int]:
    """The windows at which a bank of one row alarms."""
    return [int(hit) for hit in np.flatnonzero(play(bank, stream[:, None], at)[:, 0] >= 1.0)]


def score_of(bank: Bank, value: float) -> Scores:
    return bank.score(windows([value], 1e6))


def trained(scorer: Scorer, stream: FloatArray) -> Scorer:
    for value in stream.tolist():
        scorer.learn_one(None, value)
    return scorer


def trained_trees(stream: FloatArray) -> Scorer:
    trees = bare_trees()
    for value in stream.tolist():
        trees.learn_one({"x": value})
    return trees


def test_a_flat_row_is_no_anomaly_to_the_gaussian_scorer() -> None:
    assert trained(bare_gaussian(), np.full(300, 7.0)).score_one(None, 7.0) == 1.0

    bank = GaussianParams().build(1)
    levels = play(bank, np.full((300, 1), 7.0))

    assert not (levels[30:] > 0.0).any()
    assert score_of(bank, 9.0).level[0] >= 1.0


def test_a_variance_below_zero_does_not_raise() -> None:
    stream = np.concatenate([[1e14], noise(600)])
    with pytest.raises(TypeError, match="complex"):
        trained(bare_gaussian(window=250), stream).score_one(None, 50.0)

    bank = GaussianParams().build(1)

    assert np.isfinite(play(bank, stream[:, None])[30:]).all()
    assert score_of(bank, 50.0).raw[0] == pytest.approx(50.0, rel=0.2)


def test_gaussian_scores_do_not_saturate() -> None:
    bare = trained(bare_gaussian(), noise(300))
    assert bare.score_one(None, 12.0) == bare.score_one(None, 1200.0)

    bank = GaussianParams().build(1)
    play(bank, noise(300)[:, None])

    assert score_of(bank, 1200.0).level[0] > 50.0 * score_of(bank, 12.0).level[0]


def test_an_absurd_window_leaves_no_rounding_in_the_gaussian_scorer() -> None:
    stream = np.concatenate([[-1e13], noise(600)])
    assert trained(bare_gaussian(window=250), stream).score_one(None, 50.0) < 0.01

    bank = GaussianParams().build(1)
    play(bank, stream[:, None])

    assert score_of(bank, 50.0).raw[0] == pytest.approx(50.0, rel=0.2)


def test_one_unknown_window_is_ignored_by_the_gaussian_scorer() -> None:
    assert math.isnan(trained(bare_gaussian(window=50), np.concatenate([[NAN], noise(300)])).score_one(None, 0.0))

    bank, never = GaussianParams().build(1), GaussianParams().build(1)
    levels = play(bank, np.concatenate([noise(100), [NAN], noise(50)])[:, None])
    play(never, np.concatenate([noise(100), noise(50)])[:, None])

    assert np.isnan(levels[100, 0])
    assert score_of(bank, 4.0).level == score_of(never, 4.0).level


@pytest.mark.parametrize(
    "bank", [GaussianParams().build(1), HalfSpaceTreesParams().build(1)], ids=["gaussian", "half_space_trees"],
)
def test_a_cold_scorer_has_no_level(bank: Bank) -> None:
    assert bare_gaussian().score_one(None, 5.0) == 0
    assert trained_trees(np.full(100, 0.5)).score_one({"x": 0.0}) == 0

    scores = score_of(bank, 5.0)

    assert np.isnan(scores.level[0])
    assert np.isnan(scores.raw[0])


def test_half_space_trees_see_outside_the_range_from_0_to_1() -> None:
    bare = trained_trees(150.0 + 20.0 * noise(600))
    assert bare.score_one({"x": 1e6}) == bare.score_one({"x": 150.0}) == 0.0

    bank = OnResiduals(HalfSpaceTreesParams(every_windows=EVERY).build(1), 1)
    play(bank, (150.0 + 20.0 * noise(800))[:, None])

    assert bank.score(windows([1e6], 800)).level[0] >= 1.0
    assert bank.score(windows([-1e6], 800)).direction[0] == -1


def test_half_space_trees_neither_score_nor_learn_nan() -> None:
    assert trained_trees(np.full(600, 0.5)).score_one({"x": NAN}) > 0.9
    assert trained_trees(np.full(600, NAN)).score_one({"x": 1.0}) == 0.0

    bank = HalfSpaceTreesParams().build(1)
    play(bank, noise(600)[:, None])
    before = bank.snapshot(np.array([0]))
    feed(bank, windows([NAN], 600))
    after = bank.snapshot(np.array([0]))

    assert np.isnan(score_of(bank, NAN).level[0])
    assert all(np.array_equal(before[name], after[name], equal_nan=True) for name in before)


def test_half_space_trees_keep_rare_values_apart() -> None:
    bare = trained_trees(0.5 + noise(600) / 60.0)
    assert bare.score_one({"x": 0.5 + 20.0 / 60.0}) < 1.1 * bare.score_one({"x": 0.5 + 5.0 / 60.0})

    bank = HalfSpaceTreesParams().build(1)
    play(bank, noise(600)[:, None])

    assert score_of(bank, 20.0).raw[0] > 3.0 * score_of(bank, 5.0).raw[0]


DISABLED: dict[str, tuple[Callable[[], Drift], Callable[[int], Bank]]] = {
    "adwin": (bare_adwin, AdwinParams(every_windows=EVERY).build),
    "page_hinkley": (bare_page_hinkley, PageHinkleyParams(every_windows=EVERY).build),
    "kswin": (lambda: cast("Drift", bare_kswin()), KswinParams(every_windows=EVERY).build),
}


@pytest.mark.parametrize("name", DISABLED)
def test_one_unknown_window_disables_no_drift_detector(name: str) -> None:
    bare, build = DISABLED[name]
    # KSWIN recovers once the NaN has left its newer sample, the others never.
    stream = np.concatenate([noise(300), [NAN], noise(29, 1, mean=4.0)])
    assert findings(bare(), np.delete(stream, 300))
    assert not findings(bare(), stream)

    assert alarms(build(1), stream)


def test_an_absurd_window_does_not_disable_adwin() -> None:
    stream = np.concatenate([noise(300), [1e12], noise(100, 1), noise(100, 2, mean=4.0)])
    assert not findings(bare_adwin(), stream)

    assert [at for at in alarms(AdwinParams(every_windows=EVERY).build(1), stream) if at > 400]


def test_adwin_gives_the_direction_of_a_change_for_some_windows() -> None:
    stream = np.concatenate([noise(300), noise(100, 1, mean=-4.0)])
    assert len(findings(bare_adwin(), stream)) == 1

    hits = alarms(AdwinParams(every_windows=EVERY).build(1), stream)
    bank = AdwinParams(every_windows=EVERY).build(1)
    play(bank, stream[: hits[0], None])

    assert len(hits) > 5
    assert score_of(bank, -4.0).direction[0] == -1


def test_damaged_bytes_do_not_end_the_process() -> None:
    adwin = drift.ADWIN()  # type: ignore[no-untyped-call]
    with pytest.raises(BaseException) as panic:  # noqa: PT011 (what river raises has no public name)
        adwin._helper.__setstate__(adwin._helper.__getstate__()[:-1])
    assert not isinstance(panic.value, Exception)

    bank = AdwinParams().build(1)
    play(bank, noise(50)[:, None])
    state = bank.snapshot(np.array([0]))

    with pytest.raises(ValueError, match="damaged"):
        bank.restore(np.array([0]), {**state, "river.cells": state["river.cells"][:, :-1]})


def test_page_hinkley_does_not_depend_on_the_unit() -> None:
    stream = np.concatenate([noise(1000), noise(100, 1, mean=5.0)])
    assert not findings(bare_page_hinkley(), 0.02 * stream)
    assert len(findings(bare_page_hinkley(), 1000.0 * stream)) > 10

    for unit in (0.02, 1000.0):
        bank = OnResiduals(PageHinkleyParams(every_windows=EVERY).build(1), 1)
        levels = play(bank, unit * stream[:, None])
        assert (levels[-80:] >= 1.0).any()
        assert not (levels[30:1000] >= 1.0).any()


def test_page_hinkley_does_not_alarm_on_the_return_to_normal() -> None:
    stream = np.concatenate([noise(500), noise(300, 1, mean=3.0), noise(500, 2)])
    assert [at for at in findings(bare_page_hinkley(), stream) if at >= 800]

    levels = play(PageHinkleyParams(every_windows=EVERY).build(1), stream[:, None])

    assert (levels[510:800] >= 1.0).all()
    assert not (levels[860:] >= 1.0).any()


def test_page_hinkley_keeps_its_allowance_however_old_the_row() -> None:
    stream = noise(20_000)
    found = findings(cast("Drift", drift.PageHinkley(delta=0.5, threshold=25.0)), stream)
    assert found
    assert found[0] > 5000

    assert not alarms(PageHinkleyParams().build(1), stream)


def test_kswin_gives_a_replay_the_same_answers() -> None:
    def draws(test: drift.KSWIN) -> list[float]:
        found = []
        for value in noise(130).tolist():
            test.update(value)  # type: ignore[no-untyped-call]
            found.append(float(test.p_value))
        return found

    assert draws(bare_kswin(seed=None)) != draws(bare_kswin(seed=None))

    first, again = (play(KswinParams().build(1), noise(130)[:, None]) for _ in range(2))

    assert np.array_equal(first, again, equal_nan=True)


def test_kswin_alarms_while_its_window_has_two_distributions() -> None:
    stream = np.concatenate([noise(200), noise(40, 1, mean=4.0)])
    bare = bare_kswin()
    found = findings(cast("Drift", bare), stream)
    assert len(found) == 1
    assert len(bare.window) < 40

    hits = alarms(KswinParams(every_windows=EVERY).build(1), stream)

    assert len(hits) > 15
    assert hits[0] <= found[0] + 1


def test_kswin_refuses_a_newer_sample_larger_than_the_older() -> None:
    with pytest.raises(ValueError, match="population"):
        findings(cast("Drift", drift.KSWIN(window_size=100, stat_size=60)), noise(100))

    with pytest.raises(ValueError, match=r"KswinParams\.recent: 60, expected 1 to 500 and at most half of 100"):
        KswinParams(recent=60)

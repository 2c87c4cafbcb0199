"""NAB's scoring, from its published definition (Lavin and Ahmad 2015, and the definitions beside the corpus).

Inside a window, only the earliest alarm counts: its credit falls along a sigmoid from 1 at the left edge to 0 at the
right. An alarm outside costs a share of `fp_weight` that grows along the same sigmoid with the distance, in window
widths, from the window before it, and the whole of it where there is none. A missed window costs `fn_weight`. One
threshold for all files is chosen per profile, on the labels; 0 is what no alarm at all earns, 100 a perfect detector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.detection.series import Series
from detectors.base import BoolArray, FloatArray, IntArray

_FAR = 3.0
"""So many window widths behind a window, a false alarm costs its full weight."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What a profile of NAB weighs: a false alarm and a missed window, against 1 for a found one."""

    name: str
    fp: float
    fn: float


PROFILES = (Weights("standard", 0.11, 1.0), Weights("low FP", 0.22, 1.0), Weights("low FN", 0.11, 2.0))


def sigmoid(position: FloatArray) -> FloatArray:
    """NAB's scaled sigmoid: 0.987 at -1, 0 at 0, -0.987 at 1, -1 from 3 on."""
    inside: FloatArray = 2.0 / (1.0 + np.exp(5.0 * position)) - 1.0
    return np.where(position >= _FAR, -1.0, inside)


def row_credits(series: Series) -> tuple[FloatArray, IntArray]:
    """(n,) what an alarm on each row earns, before the weights; (n,) the window it lies in, -1 outside."""
    n = len(series.value)
    position = np.full(n, _FAR)
    window: IntArray = np.full(n, -1, dtype=np.intp)
    rows = np.arange(n)
    for number, (first, last) in enumerate(series.windows):
        width = last - first + 1
        position[last + 1:] = (rows[last + 1:] - last) / (width - 1)
        position[first:last + 1] = -(last - rows[first:last + 1] + 1) / width
        window[first:last + 1] = number
    credit = sigmoid(position)
    return np.where(window >= 0, credit / sigmoid(np.array([-1.0])), credit), window


@dataclass(frozen=True, slots=True)
class Sweep:
    """Every row of the files by falling score: what lowering the threshold past it adds, by file, under one profile.

    score, gain, file: (rows,). windows: (files,) number of windows of each.
    """

    score: FloatArray
    gain: FloatArray
    file: IntArray
    windows: IntArray
    weights: Weights

    def best_threshold(self, files: BoolArray | None = None) -> float:
        """The threshold that earns most over these files; infinite where no alarm at all does."""
        keep = np.ones(len(self.score), dtype=bool) if files is None else files[self.file]
        score, earned = self.score[keep], np.cumsum(self.gain[keep])
        last = np.append(score[1:] != score[:-1], True)
        if not len(score) or earned[last].max() <= 0:
            return float("inf")
        return float(score[last][np.argmax(earned[last])])

    def earned(self, threshold: float, files: BoolArray | None = None) -> float:
        """NAB's raw score of these files at a threshold."""
        keep = self.score >= threshold
        windows = self.windows.sum()
        if files is not None:
            keep = keep & files[self.file]
            windows = self.windows[files].sum()
        return float(self.gain[keep].sum() - self.weights.fn * windows)

    def by_file(self, threshold: float) -> FloatArray:
        """(files,) NAB's raw score of each at a threshold; at most the number of its windows."""
        keep = self.score >= threshold
        gains = np.bincount(self.file[keep], weights=self.gain[keep], minlength=len(self.windows))
        return gains - self.weights.fn * self.windows

    def normalised(self, earned: float) -> float:
        """0 for no alarm at all, 100 for a perfect detector, over all files."""
        total = float(self.windows.sum())
        return 100.0 * (earned + self.weights.fn * total) / (total * (1.0 + self.weights.fn))


def sweep(series: Sequence[Series], scores: Sequence[FloatArray], weights: Weights) -> Sweep:
    """The sweep of all rows past each file's probation."""
    parts = [_gains(one, score, weights) for one, score in zip(series, scores, strict=True)]
    score = np.concatenate([s for s, _ in parts])
    gain = np.concatenate([g for _, g in parts])
    file: IntArray = np.repeat(np.arange(len(parts)), [len(s) for s, _ in parts])
    order = np.argsort(-score, kind="stable")
    windows: IntArray = np.array([len(one.windows) for one in series], dtype=np.intp)
    return Sweep(score[order], gain[order], file[order], windows, weights)


def _gains(series: Series, score: FloatArray, weights: Weights) -> tuple[FloatArray, FloatArray]:
    credit, window = row_credits(series)
    start = series.unscored
    score, credit, window = np.asarray(score, dtype=np.float64)[start:], credit[start:], window[start:]
    gain = credit * weights.fp
    for number in range(len(series.windows)):
        at = np.flatnonzero(window == number)
        at = at[np.argsort(-score[at], kind="stable")]
        # The earliest alarm counts: lowering the threshold adds where it finds an earlier one.
        gain[at] = np.diff(np.maximum.accumulate(credit[at]), prepend=-weights.fn)
    return score, gain


def in_sample(series: Sequence[Series], scores: Sequence[FloatArray]) -> dict[str, float]:
    """Normalised score by profile, the threshold chosen on the files it is scored on, as NAB does."""
    sweeps = [sweep(series, scores, weights) for weights in PROFILES]
    return {one.weights.name: one.normalised(one.earned(one.best_threshold())) for one in sweeps}


def cross_validated(
    series: Sequence[Series], *candidates: Sequence[FloatArray], seeds: Sequence[int] = (0, 1, 2, 3), folds: int = 5,
) -> dict[str, list[float]]:
    """Normalised scores by profile, one a seed: each file is scored at a threshold chosen on the other folds.

    Of several candidates, each the scores of one configuration, the one to score a fold with is chosen there as well.
    """
    found: dict[str, list[float]] = {}
    for weights in PROFILES:
        sweeps = [sweep(series, scores, weights) for scores in candidates]
        found[weights.name] = [sweeps[0].normalised(_held_out(sweeps, seed, folds)) for seed in seeds]
    return found


def _held_out(sweeps: Sequence[Sweep], seed: int, folds: int) -> float:
    fold = np.random.default_rng(seed).permutation(len(sweeps[0].windows)) % folds
    total = 0.0
    for held in range(folds):
        train = fold != held
        threshold, best = max(
            ((one.best_threshold(train), one) for one in sweeps), key=lambda pair: pair[1].earned(pair[0], train)
        )
        total += best.earned(threshold, ~train)
    return total

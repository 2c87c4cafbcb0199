"""What is compared: a candidate takes series and gives each sample a score and an alarm score.

The score says how anomalous a sample is. The alarm score is what would be raised, without the repeats of one alarm.
Data sets that rank samples use the score, data sets that count alarms use the alarm score.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from benchmarks.detection.series import Series
from detectors.base import Block, BoolArray, FloatArray, IntArray
from detectors.ensemble.profiles import profile_index
from detectors.ensemble.suite_scores import SuiteScores
from detectors.suite import Suite, SuiteParams

REFRACTORY = 100
"""An alarm is raised only above the highest score of so many samples before it."""


@dataclass(frozen=True, slots=True)
class CandidateScores:
    """(n,) each, 0 where the candidate has no answer; higher is more anomalous. level: 1 is the candidate's own budget,
    None where it has none.
    """

    score: FloatArray
    alarm: FloatArray
    level: FloatArray | None = None


class Candidate(Protocol):
    """A detector under test. `run` gets whole series but must score causally (see the package)."""

    @property
    def name(self) -> str: ...

    def run(self, series: Sequence[Series]) -> list[CandidateScores]:
        """The scores of each series, in their order."""


def gated(score: FloatArray, refractory: int = REFRACTORY) -> FloatArray:
    """The score where it exceeds all of the `refractory` scores before it, else 0."""
    if refractory <= 0 or not len(score):
        return score
    padded = np.concatenate([np.full(refractory, -np.inf), score[:-1]])
    before = np.lib.stride_tricks.sliding_window_view(padded, refractory).max(axis=1)
    return np.where(score > before, score, 0.0)


@dataclass(frozen=True, slots=True)
class Baseline:
    """A baseline that scores one series at a time. gate: refractory samples of its alarm score, 0 for none."""

    name: str
    function: Callable[[FloatArray], FloatArray]
    gate: int = 0

    def run(self, series: Sequence[Series]) -> list[CandidateScores]:
        scores = [np.nan_to_num(self.function(one.value), nan=0.0) for one in series]
        return [CandidateScores(score, gated(score, self.gate)) for score in scores]


@dataclass(frozen=True, slots=True)
class CachedBaseline:
    """A slow baseline, its scores kept in a folder by name and content of the series."""

    inner: Baseline
    folder: Path | None

    @property
    def name(self) -> str:
        return self.inner.name

    def run(self, series: Sequence[Series]) -> list[CandidateScores]:
        return [self._one(one) for one in series]

    def _one(self, one: Series) -> CandidateScores:
        if self.folder is None:
            return self.inner.run([one])[0]
        content = hashlib.sha256(one.value.tobytes()).hexdigest()[:24]
        path = self.folder / "".join(c if c.isalnum() else "_" for c in self.name) / f"{content}.npy"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, self.inner.run([one])[0].score)
        score: FloatArray = np.load(path)
        return CandidateScores(score, gated(score, self.inner.gate))


def pre_aggregated() -> SuiteParams:
    """The shipped suite with the one setting that a data set may choose: its samples were aggregated elsewhere."""
    return SuiteParams().sampled("pre_aggregated")


@dataclass(frozen=True, slots=True)
class SuiteCandidate:
    """The suite as shipped, on pre-aggregated samples: each is a window of count 1 at its own time stamp.

    All series run in lockstep, one row each, so that a step is one block. metric: its profile judges every series of
    every data set. relearn_after: an alarming row is learned from again after so many alarming windows in a row; no
    incident ends here, so it would stay frozen for good otherwise. The score is the suite's ranking score, the alarm
    score its novelty level, the level its level.
    """

    name: str = "suite"
    params: SuiteParams = field(default_factory=pre_aggregated)
    metric: str = "value"
    relearn_after: int = 64

    @property
    def profile(self) -> int:
        """The profile of the metric; raises `ValueError` when none fits."""
        found = profile_index(self.metric, self.params.profiles)
        if found is None:
            raise ValueError(f"SuiteCandidate.metric: {self.metric!r} fits no profile; expected one that does")
        return found

    def run(self, series: Sequence[Series]) -> list[CandidateScores]:
        order = sorted(range(len(series)), key=lambda at: -len(series[at].value))
        lengths = np.array([len(series[at].value) for at in order])
        steps = int(lengths.max())
        value, time_s, score, novelty, level = np.zeros((5, steps, len(order)))
        for row, at in enumerate(order):
            value[:lengths[row], row] = series[at].value
            time_s[:lengths[row], row] = series[at].time_s
        suite = Suite(self.params, len(order))
        suite.assign(np.arange(len(order)), self.profile)
        learner = Learner(suite, len(order), self.relearn_after)
        for step in range(steps):
            rows: IntArray = np.arange(int(np.count_nonzero(lengths > step)))
            before = time_s[max(step - 1, 0), rows]
            scores = learner.step(sample_block(rows, before, time_s[step, rows], value[step, rows]))
            for cells, found in ((score, scores.score), (novelty, scores.novelty), (level, scores.level)):
                cells[step, rows] = np.nan_to_num(found)
        place = {at: row for row, at in enumerate(order)}
        return [
            CandidateScores(*(cells[:len(one.value), place[at]] for cells in (score, novelty, level)))
            for at, one in enumerate(series)
        ]


class Learner:
    """The suite with the learning policy of the stream: never from a window that alarms."""

    def __init__(self, suite: Suite, capacity: int, relearn_after: int) -> None:
        self._suite = suite
        self._held: IntArray = np.zeros(capacity, dtype=np.intp)
        self._relearn_after = relearn_after

    def step(self, block: Block) -> SuiteScores:
        """Score each window, then learn."""
        suite, rows = self._suite, block.rows
        scores = suite.score(block)
        suite.observe(block)
        alarming: BoolArray = scores.level >= 1.0
        self._held[rows] = np.where(alarming, self._held[rows] + 1, 0)
        learn = ~alarming | suite.young(rows) | (self._held[rows] > self._relearn_after)
        if learn.all():
            suite.learn(block)
        elif learn.any():
            suite.learn(block.select(learn))
        return scores


def sample_block(rows: IntArray, start_s: FloatArray, end_s: FloatArray, value: FloatArray) -> Block:
    """A block of windows of one sample each."""
    return Block(rows, start_s, end_s, value, np.ones(len(rows)), np.zeros(len(rows)), value, value)


def default_suite() -> SuiteCandidate:
    """The one default configuration that is used for every data set."""
    return SuiteCandidate()

"""What the sets judge: a subject takes series and answers with a continuous score and an alarm score for each.

The score says how strange each sample is; the alarm score is what would be raised, with the repeats of one alarm left
out. Sets that rank samples read the first, sets that count alarms the second.
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
class Answer:
    """(n,) each, 0 where the subject cannot tell; more is stranger."""

    score: FloatArray
    alarm: FloatArray


class Subject(Protocol):
    """Whatever is judged. `run` gets whole series but must answer causally (see the package)."""

    @property
    def name(self) -> str: ...

    def run(self, series: Sequence[Series]) -> list[Answer]:
        """One answer a series, in their order."""


def gated(score: FloatArray, refractory: int = REFRACTORY) -> FloatArray:
    """The score where it exceeds all of the `refractory` scores before it, else 0."""
    if refractory <= 0 or not len(score):
        return score
    padded = np.concatenate([np.full(refractory, -np.inf), score[:-1]])
    before = np.lib.stride_tricks.sliding_window_view(padded, refractory).max(axis=1)
    return np.where(score > before, score, 0.0)


@dataclass(frozen=True, slots=True)
class Plain:
    """A baseline that scores one series at a time. gate: refractory samples of its alarm score, 0 for none."""

    name: str
    function: Callable[[FloatArray], FloatArray]
    gate: int = 0

    def run(self, series: Sequence[Series]) -> list[Answer]:
        scores = [np.nan_to_num(self.function(one.value), nan=0.0) for one in series]
        return [Answer(score, gated(score, self.gate)) for score in scores]


@dataclass(frozen=True, slots=True)
class Cached:
    """A slow baseline, its scores kept in a folder by name and content of the series."""

    inner: Plain
    folder: Path | None

    @property
    def name(self) -> str:
        return self.inner.name

    def run(self, series: Sequence[Series]) -> list[Answer]:
        return [self._one(one) for one in series]

    def _one(self, one: Series) -> Answer:
        if self.folder is None:
            return self.inner.run([one])[0]
        content = hashlib.sha256(one.value.tobytes()).hexdigest()[:24]
        path = self.folder / "".join(c if c.isalnum() else "_" for c in self.name) / f"{content}.npy"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, self.inner.run([one])[0].score)
        score: FloatArray = np.load(path)
        return Answer(score, gated(score, self.inner.gate))


def pre_aggregated() -> SuiteParams:
    """The shipped suite told the one thing a set may choose: that its samples were aggregated elsewhere."""
    return SuiteParams().sampled("pre_aggregated")


@dataclass(frozen=True, slots=True)
class SuiteSubject:
    """The suite as shipped, on pre-aggregated samples: each is a window of count 1 at its own time stamp.

    All series run in lockstep, one row each, so that a step is one block. metric: its profile judges every series of
    every set. relearn_after: an alarming row is learned from again after so many alarming windows in a row; a row
    whose alarm nobody ends would otherwise stay frozen for good. The score is the suite's own for ranking, the alarm
    its level of news.
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
            raise ValueError(f"SuiteSubject.metric: {self.metric!r} fits none of the profiles; expected one that does")
        return found

    def run(self, series: Sequence[Series]) -> list[Answer]:
        order = sorted(range(len(series)), key=lambda at: -len(series[at].value))
        lengths = np.array([len(series[at].value) for at in order])
        steps = int(lengths.max())
        value, time_s, score, news = np.zeros((4, steps, len(order)))
        for row, at in enumerate(order):
            value[:lengths[row], row] = series[at].value
            time_s[:lengths[row], row] = series[at].time_s
        suite = self.params.build(len(order))
        suite.assign(np.arange(len(order)), self.profile)
        learner = Learner(suite, len(order), self.relearn_after)
        for step in range(steps):
            rows: IntArray = np.arange(int(np.count_nonzero(lengths > step)))
            before = time_s[max(step - 1, 0), rows]
            verdict = learner.step(sample_block(rows, before, time_s[step, rows], value[step, rows]))
            score[step, rows], news[step, rows] = np.nan_to_num(verdict.score), np.nan_to_num(verdict.novelty)
        place = {at: row for row, at in enumerate(order)}
        return [
            Answer(score[:len(one.value), place[at]], news[:len(one.value), place[at]]) for at, one in enumerate(series)
        ]


class Learner:
    """The suite with the learning policy of the stream: never from a window that alarms."""

    def __init__(self, suite: Suite, capacity: int, relearn_after: int) -> None:
        self._suite = suite
        self._held: IntArray = np.zeros(capacity, dtype=np.intp)
        self._relearn_after = relearn_after

    def step(self, block: Block) -> SuiteScores:
        """The verdict on each window; then learns."""
        suite, rows = self._suite, block.rows
        verdict = suite.score(block)
        suite.observe(block)
        alarming: BoolArray = verdict.level >= 1.0
        self._held[rows] = np.where(alarming, self._held[rows] + 1, 0)
        learn = ~alarming | suite.young(rows) | (self._held[rows] > self._relearn_after)
        if learn.all():
            suite.learn(block)
        elif learn.any():
            suite.learn(block.select(learn))
        return verdict


def sample_block(rows: IntArray, start_s: FloatArray, end_s: FloatArray, value: FloatArray) -> Block:
    """A block of windows of one sample each."""
    return Block(rows, start_s, end_s, value, np.ones(len(rows)), np.zeros(len(rows)), value, value)


def default_suite() -> SuiteSubject:
    """The one default configuration that serves every set."""
    return SuiteSubject()

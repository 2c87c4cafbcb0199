"""Absence: has a series sent nothing for longer than its usual gaps explain?

It learns the mean and variance of the time from one window's end to the next. The absence that alarms is the smaller of
two bounds that are exceeded once in 50 budgets: a geometric one (random arrivals seen through windows) and a Bernstein
one (regular or bursty arrivals). It is never less than `least_gaps` gaps. So a busy series alarms after two or three
windows, and a sparse one only after an absence that is rare for it. Low traffic is no absence; rate series and their
detectors find it. Of a sparse series the last gaps count as well, where they are longer or more irregular: at night
requests become rare faster than a long memory learns. Where its gaps grow they are expected to grow on, by the same
factor from each to the next: requests that become rarer and rarer may end for some hours.

Every window counts, also those that other detectors must not learn from. An outage is learned as no more than the
absence that alarms. Fails: on the first `warm_up` windows of a series, and when a whole partition stops, since event
time then stops too (the progress watchdog finds that). Cost: 0.7 us per window and series; 64 bytes a series.

Source: Boucheron, Lugosi and Massart 2013, chapter 2 (sub-gamma tails).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from detectors.banks.table import Column, Table, TableComponent
from detectors.base import Block, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class AbsenceParams:
    """window_s: base window. every_windows: the budget. least_gaps: an absence of fewer usual gaps never alarms.

    warm_up: gaps before a row has a level. memory: gaps over which means are taken. recent: the same for the last gaps.
    sparse_windows: the last gaps count where their mean is at least so many windows. latest: gaps over which the mean
    is that of now; against `recent` it shows whether they grow. budgets: an absence opens an incident by itself, since
    no second window can confirm it, so the one that alarms is exceeded once in so many budgets.
    """

    window_s: float = 1.0
    every_windows: float = 604_800.0
    least_gaps: float = 2.5
    warm_up: int = 10
    memory: float = 500.0
    recent: float = 30.0
    sparse_windows: float = 1.5
    latest: float = 8.0
    budgets: float = 50.0

    def build(self, capacity: int) -> Absence:
        """The bank."""
        return Absence(self, capacity)


@dataclass(frozen=True, slots=True)
class AbsenceScores:
    """(n,) each. level: 1.0 is the budget, NaN while warming up. silence_s: how long. expected_gap_s: the usual gap."""

    level: FloatArray
    silence_s: FloatArray
    expected_gap_s: FloatArray


class Absence(TableComponent):
    """The bank; see the module. Not a `Detector`: it scores rows at an instant, not windows."""

    def __init__(self, params: AbsenceParams, capacity: int) -> None:
        self._params = params
        self._log_budget = float(np.log(params.budgets * max(params.every_windows, 2.0)))
        self._rows = Table(
            {
                "last_s": Column(np.float64, np.nan),
                "gaps": Column(np.float64, 0.0),
                "mean": Column(np.float64, 0.0),
                "variance": Column(np.float64, 0.0),
                "recent_mean": Column(np.float64, 0.0),
                "recent_variance": Column(np.float64, 0.0),
                "latest_mean": Column(np.float64, 0.0),
            },
            capacity,
        )

    def score(self, rows: IntArray, now_s: float) -> AbsenceScores:
        """Score the absence of these rows at `now_s`, the event time up to which all windows are closed (the
        watermark).
        """
        cells = self._rows
        silence_s = np.maximum(now_s - cells["last_s"][rows], 0.0)
        level = np.where(cells["gaps"][rows] >= self._params.warm_up, silence_s / self._bound_s(rows), np.nan)
        return AbsenceScores(level, silence_s, np.where(np.isnan(level), np.nan, cells["mean"][rows]))

    def _bound_s(self, rows: IntArray) -> FloatArray:
        """(n,) the absence that is level 1.0, in seconds."""
        params, cells = self._params, self._rows
        number, mean, variance = cells["gaps"][rows], cells["mean"][rows], cells["variance"][rows]
        recent = cells["recent_mean"][rows]
        sparse = recent >= params.sparse_windows * params.window_s
        grown = np.where(sparse, np.maximum(cells["latest_mean"][rows] / np.maximum(recent, 1e-9), 1.0), 1.0)
        mean = np.where(sparse, np.maximum(mean, recent * grown), mean)
        variance = np.where(sparse, np.maximum(variance, cells["recent_variance"][rows] * grown**2), variance)
        gap = np.maximum(mean, params.window_s)
        # Half a fictitious empty window keeps a short history from being taken for certainty.
        empty = (number * (gap / params.window_s - 1.0) + 0.5) / (number + 1.0)
        geometric = params.window_s * self._log_budget / np.log1p(1.0 / empty)
        variance = (number * variance + 0.5 * gap * params.window_s) / (number + 1.0)
        bernstein = gap + np.sqrt(2.0 * variance * self._log_budget) + variance / gap * self._log_budget
        bound: FloatArray = np.maximum(params.least_gaps * gap, np.minimum(geometric, bernstein))
        return bound * self._growing(grown)

    def _growing(self, grown: FloatArray) -> FloatArray:
        """(n,) by what an absence is longer where gaps go on to grow by a factor of exp(rate) from each to the next.

        In a silence, ln(1 + rate * silence / gap) / rate arrivals are due then. grown: (n,) the mean of the latest gaps
        over that of the recent ones.
        """
        params = self._params
        exponent = self._log_budget * np.log(grown) / (params.recent - params.latest)
        exponent = np.clip(exponent, 1e-9, 50.0)
        factor: FloatArray = np.expm1(exponent) / exponent
        return factor

    def observe(self, block: Block) -> None:
        """Learn the gap before each window; windows out of order change nothing."""
        rows, cells = block.rows, self._rows
        gap = block.end_s - cells["last_s"][rows]
        known = gap > 0.0
        cells["last_s"][rows] = np.fmax(cells["last_s"][rows], block.end_s)
        if not known.any():
            return
        rows, gap = rows[known], gap[known]
        number = cells["gaps"][rows]
        gap = np.where(number >= self._params.warm_up, np.minimum(gap, self._bound_s(rows)), gap)
        number = np.minimum(number + 1.0, self._params.memory)
        self._learn("", rows, gap, number)
        self._learn("recent_", rows, gap, np.minimum(number, self._params.recent))
        latest = cells["latest_mean"]
        latest[rows] += (gap - latest[rows]) / np.minimum(number, self._params.latest)
        cells["gaps"][rows] = number

    def _learn(self, which: str, rows: IntArray, gap: FloatArray, number: FloatArray) -> None:
        """Move mean and variance towards these gaps. number: of gaps that they are taken over."""
        means, variances = self._rows[f"{which}mean"], self._rows[f"{which}variance"]
        step = gap - means[rows]
        mean = means[rows] + step / number
        variances[rows] += (step * (gap - mean) - variances[rows]) / number
        means[rows] = mean

    @override
    def check(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        super().check(rows, _with_last_gaps(state))

    @override
    def restore(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        super().restore(rows, _with_last_gaps(state))

    def suppress_absence(self, rows: IntArray, now_s: float) -> None:
        """Do not count the absence of these rows up to `now_s`: the caller knows its cause. No gap is learned."""
        self._rows["last_s"][rows] = np.maximum(self._rows["last_s"][rows], now_s)


def _with_last_gaps(state: Mapping[str, NDArray[np.generic]]) -> Mapping[str, NDArray[np.generic]]:
    """A state of an older release has no last gaps, or no latest: those of a longer memory stand for them."""
    if {"mean", "variance"} <= state.keys() and not {"recent_mean", "recent_variance"} & state.keys():
        state = {**state, "recent_mean": state["mean"], "recent_variance": state["variance"]}
    if "recent_mean" in state and "latest_mean" not in state:
        state = {**state, "latest_mean": state["recent_mean"]}
    return state

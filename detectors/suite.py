"""The suite: all detectors of a shard's series behind one call, gated by each series' profile, one level a window.

A window's value is taken to the profile's scale, judged by robust location, and what that leaves (distance from the
centre, in spreads) by the others. A detector's level counts only in the profile's direction and beyond its minimum
deviation; the window's level is the highest that counts. A level that does not count ends below 1, so it still ranks.

For each block the caller calls `score`, then `arrived`, then `learn`. The caller decides what may be learned and leaves
out the windows of rows that an open incident has frozen; `arrived` gets every window, so that what is only evidence
(the sums of CUSUM, the arrivals of absence) goes on and does not stand still where an incident froze it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from detectors.absence import Absence, AbsenceParams, Silence
from detectors.adwin import Adwin, AdwinParams
from detectors.base import Block, BoolArray, FloatArray, IntArray, Scores, State
from detectors.cusum import Cusum, CusumParams
from detectors.profiles import DEFAULT_PROFILES, Profile
from detectors.robust_location import RobustLocation, RobustLocationParams, without_extreme
from detectors.rules import Rules
from detectors.static_limits import StaticLimits, StaticLimitsParams
from detectors.table import Part, check_parts, restore_parts, snapshot_parts

_NAMES = ("static_limits", "robust_location", "cusum", "adwin")
_STATIC, _ROBUST, _CUSUM, _ADWIN = range(len(_NAMES))
_UNCOUNTED = 0.99
"""The highest level of a deviation that does not count."""
_LEAST_SPREADS = 6.0
"""The least deviation a profile minds is at least so many spreads: about what alarms at the usual budgets."""
_DATED = 0.5
"""From this level on, a CUSUM run dates the change also when another detector decides."""


@dataclass(frozen=True, slots=True)
class SuiteParams:
    """window_s: length of a base window. false_alarm_every_s: the budget, per series. The rest: each detector's own."""

    window_s: float = 1.0
    false_alarm_every_s: float = 604_800.0
    profiles: tuple[Profile, ...] = DEFAULT_PROFILES
    robust_location: RobustLocationParams = field(default_factory=RobustLocationParams)
    cusum: CusumParams = field(default_factory=CusumParams)
    adwin: AdwinParams = field(default_factory=AdwinParams)
    absence: AbsenceParams = field(default_factory=AbsenceParams)

    def build(self, capacity: int) -> Suite:
        """The suite, with room for rows below `capacity`."""
        return Suite(self, capacity)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The suite's answer, (n,) each but `levels`.

    level: NaN while warming up. detector: index into `Suite.names` of the one that decided, -1 for none. direction: +1
    above, -1 below, 0 neither. expected: in the metric's unit, NaN while unknown. levels: (detectors, n) after gating,
    NaN where a detector is off or warming up. onset_s: when the change is estimated to have begun.
    """

    level: FloatArray
    detector: IntArray
    direction: IntArray
    expected: FloatArray
    levels: FloatArray
    onset_s: FloatArray


@dataclass(frozen=True, slots=True)
class _View:
    """A block as the learned detectors see it. known: rows past their warm-up; the rest is in the rows' scale."""

    scaled: Block
    lower: FloatArray
    upper: FloatArray
    centre: FloatArray
    spread: FloatArray
    known: BoolArray
    robust: Scores

    def residuals(self, keep: BoolArray) -> Block:
        part = self.scaled.take(keep)
        return replace(part, value=(part.value - self.centre[keep]) / self.spread[keep])


class Suite:
    """See the module. Rows must be assigned a profile before their first window."""

    names = _NAMES

    def __init__(self, params: SuiteParams, capacity: int) -> None:
        self.params = params
        # The learned detectors share the budget of a series.
        learned = max(len(profile.detectors) for profile in params.profiles)
        every = params.false_alarm_every_s / params.window_s
        each = every * max(learned, 1)
        self._rules = Rules(params.profiles, self.names, capacity)
        self._static = StaticLimits(StaticLimitsParams(), capacity)
        self._robust = RobustLocation(replace(params.robust_location, every_windows=each), capacity)
        self._cusum = Cusum(replace(params.cusum, every_windows=each), capacity)
        self._adwin = Adwin(replace(params.adwin, every_windows=each), capacity)
        self._absence = Absence(replace(params.absence, window_s=params.window_s, every_windows=every), capacity)
        self._on_residuals: dict[int, Cusum | Adwin] = {_CUSUM: self._cusum, _ADWIN: self._adwin}
        self._seen: tuple[Block, _View] | None = None
        self._parts: dict[str, Part] = {
            "robust_location": self._robust, "cusum": self._cusum, "adwin": self._adwin, "absence": self._absence,
        }

    def assign(self, rows: IntArray, profile: IntArray | int) -> None:
        """Say which profile (index into `SuiteParams.profiles`) judges each row."""
        self._rules.assign(rows, profile)
        self._static.limit(rows, *self._rules.limits(rows))
        self._seen = None

    def score(self, block: Block) -> Verdict:
        """Judge each window. Changes nothing."""
        view = self._view(block)
        enabled = self._rules.enabled(block.rows)
        expected = self._rules.to_unit(block.rows, np.where(view.known, view.centre, np.nan))
        static = self._static.score(block)
        levels = np.full((len(self.names), len(block)), np.nan)
        directions = np.zeros(levels.shape, dtype=np.intp)
        levels[_STATIC], directions[_STATIC] = static.level, static.direction
        run_s = block.start_s.copy()
        use = view.known & enabled[:, _ROBUST]
        kept = np.where(view.robust.direction > 0, view.lower, view.upper)
        self._enter(levels[_ROBUST], directions[_ROBUST], block.rows, use, view.robust, kept, expected)
        for at, bank in self._on_residuals.items():
            use = view.known & enabled[:, at]
            if not use.any():
                continue
            residuals = view.residuals(use)
            if isinstance(bank, Cusum):
                scores, runs = bank.trace(residuals)
                shift = runs.shift
                run_s[use] = runs.onset_s
            else:
                scores = bank.score(residuals)
                shift = scores.raw * scores.direction
            moved = view.centre.copy()
            moved[use] += shift * view.spread[use]
            full = _spread_out(scores, use)
            self._enter(levels[at], directions[at], block.rows, use, full, moved, expected)
        return _verdict(levels, directions, np.where(np.isnan(expected), static.expected, expected), block, run_s)

    def _enter(
        self, level: FloatArray, direction: IntArray, rows: IntArray, use: BoolArray, scores: Scores,
        moved: FloatArray, expected: FloatArray,
    ) -> None:
        """Fill one detector's line: its level where it counts, held below 1 where it does not."""
        counts = self._rules.counts(rows, scores.direction, self._rules.to_unit(rows, moved), expected)
        level[use] = np.where(counts, scores.level, np.minimum(scores.level, _UNCOUNTED))[use]
        direction[use] = scores.direction[use]

    def _view(self, block: Block) -> _View:
        """The block as the learned detectors see it; kept for the calls that follow on the same block."""
        if self._seen is None or self._seen[0] is not block:
            self._seen = block, self._look(block)
        return self._seen[1]

    def _look(self, block: Block) -> _View:
        rules, rows = self._rules, block.rows
        scaled = rules.block_to_scale(block)
        lower, upper = (rules.to_scale(rows, value) for value in without_extreme(block))
        centre, spread = self._robust.frame(scaled)
        # What the profile does not mind is no deviation to be sure of either.
        expected = rules.to_unit(rows, centre)
        least = rules.least(rows, expected) * rules.slope(rows, expected) / _LEAST_SPREADS
        spread = np.maximum(spread, least)
        robust = self._robust.judge(scaled, lower, upper, centre, spread)
        known = np.isfinite(centre) & (self._robust.filled(rows) >= rules.warm_up(rows))
        return _View(scaled, lower, upper, centre, spread, known, robust)

    def learn(self, block: Block) -> None:
        """Take in the windows that may be learned from, after `arrived` had them."""
        view = self._view(block)
        enabled = self._rules.enabled(block.rows)
        use = view.known & enabled[:, _CUSUM]
        if use.any():
            self._cusum.calibrate(block.take(use))
        use = view.known & enabled[:, _ADWIN]
        if use.any():
            self._adwin.learn(view.residuals(use))
        self._robust.take_in(view.scaled, view.robust)
        self._seen = None

    def young(self, rows: IntArray) -> BoolArray:
        """(n,) rows whose idea of normal is so new that it should go on learning, whatever it thinks of a window.

        A caller that holds back alarming windows passes those of young rows all the same: they may have been born
        into a cold start, and would keep it for normal.
        """
        return self._robust.young(rows)

    def arrived(self, block: Block) -> None:
        """Take these windows as evidence, whether or not they may be learned from."""
        self._absence.learn(block)
        view = self._view(block)
        use = view.known & self._rules.enabled(block.rows)[:, _CUSUM]
        if use.any():
            self._cusum.track(view.residuals(use))

    def silence(self, rows: IntArray, now_s: float) -> Silence:
        """Judge the silence of rows at `now_s`, the event time up to which all windows are closed."""
        return self._absence.silence(rows, now_s)

    def excuse(self, rows: IntArray, now_s: float) -> None:
        """Let the silence of these rows up to `now_s` not count: the caller knows its cause."""
        self._absence.excuse(rows, now_s)

    def grow(self, capacity: int) -> None:
        """Make room for rows below `capacity`; new rows are cold and have the first profile."""
        for bank in (self._rules, self._static, self._robust, self._cusum, self._adwin, self._absence):
            bank.grow(capacity)

    def forget(self, rows: IntArray) -> None:
        """Return rows to the cold state; they keep their profile until they are assigned another."""
        for bank in (self._robust, self._cusum, self._adwin, self._absence):
            bank.forget(rows)
        self._seen = None

    def snapshot(self, rows: IntArray) -> State:
        """Everything learned of these rows; profiles and limits are configuration and not in it."""
        return snapshot_parts(rows, self._parts)

    def check(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Raise `ValueError` unless `restore` would accept this snapshot."""
        check_parts(rows, state, self._parts)

    def restore(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Put a snapshot back; raises `ValueError`, and changes nothing, when it is not one of this suite's."""
        restore_parts(rows, state, self._parts)
        self._seen = None


def _spread_out(scores: Scores, use: BoolArray) -> Scores:
    """Scores of part of a block at the places of the whole."""
    def at_place(part: FloatArray) -> FloatArray:
        whole = np.full(len(use), np.nan)
        whole[use] = part
        return whole

    direction = np.zeros(len(use), dtype=np.intp)
    direction[use] = scores.direction
    return Scores(at_place(scores.level), at_place(scores.raw), direction, at_place(scores.expected))


def _verdict(
    levels: FloatArray, directions: IntArray, expected: FloatArray, block: Block, run_s: FloatArray
) -> Verdict:
    """The highest level of each window. run_s: (n,) when each row's CUSUM run began."""
    rank = np.where(np.isnan(levels), -1.0, levels)
    detector = rank.argmax(axis=0)
    at = np.arange(len(detector))
    level = levels[detector, at]
    # Limits that hold say nothing about a row that is still warming up.
    warming = np.isnan(levels[_ROBUST:]).all(axis=0) & ~(level >= 1.0)
    level = np.where(warming, np.nan, level)
    direction = np.where(warming, 0, directions[detector, at])
    dated = (levels[_CUSUM] >= _DATED) & (directions[_CUSUM] == direction)
    onset_s = np.where(dated, run_s, block.start_s)
    return Verdict(level, np.where(np.isnan(level), -1, detector), direction, expected, levels, onset_s)

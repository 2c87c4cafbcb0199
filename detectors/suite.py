"""The suite: all detectors of a shard's series, gated by each series' profile, with one level per window.

A window's value is converted to the scale of its profile and scored by robust location. The other detectors score that
value or its residual, the distance from the centre in spreads. A detector's level counts only in the direction that the
profile monitors and beyond its minimum deviation. The window's level is the highest level that counts. A level that
does not count is held below 1, so it still ranks windows. Beside `block_maxima`, the detectors of novelty give novelty
alone.

`score` ranks windows by their distance from the row's centre (by `block_maxima`, where that is on), without gating, and
fades over the following windows.
`novelty` is the level of what the row has never shown, once per change. `benchmarks/detection` measures both: rankings
serve data sets with labels per point, novelty serves those that reward early warnings.

For each block the caller calls `score`, then `observe`, then `learn`. `observe` gets every window, so that evidence
(the sums of CUSUM, the arrivals of absence, the ranges of novelty) goes on while an open incident freezes the row.
`learn` gets the windows that the caller allows to be learned from. Rows with `block_maxima` learn every window: that
detector and the ring of robust location do so in `observe`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detectors.banks.composite import Composite
from detectors.banks.resolution import Resolution
from detectors.banks.scaled_block import ScaledBlock
from detectors.base import Block, BoolArray, FloatArray, IntArray, Scores
from detectors.ensemble.budgets import NOVELTY, budgets
from detectors.ensemble.course_band import CourseBand
from detectors.ensemble.ensemble import ENTRIES, SHARES, Ensemble
from detectors.ensemble.expected_band import expected_band
from detectors.ensemble.profile_table import ProfileTable
from detectors.ensemble.ranking import Ranking
from detectors.ensemble.suite_params import SuiteParams
from detectors.ensemble.suite_scores import ONSET_LEVEL, SuiteScores, fill_counted, highest, hold_uncounted, mean_known
from detectors.maxima.block_maxima import BlockMaxima
from detectors.native.absence import Absence, AbsenceScores
from detectors.native.binomial_cusum import BinomialCusum
from detectors.native.cusum import Cusum
from detectors.native.robust_location import RobustLocation, without_extreme
from detectors.native.static_limits import StaticLimits, StaticLimitsParams
from detectors.native.token_burn import TokenBurn

__all__ = ["Suite", "SuiteParams", "SuiteScores"]

_NAMES = ("static_limits", "robust_location", "cusum", *ENTRIES)
_COLUMN = {name: at for at, name in enumerate(_NAMES)}
_STATIC, _ROBUST, _CUSUM = range(3)
_BLOCK_MAXIMA = _COLUMN["block_maxima"]
_SHARES = _COLUMN[SHARES]
_NOVELTY_COLUMNS = [_COLUMN[name] for name in NOVELTY]
_MIN_SPREADS = 6.0
"""The minimum deviation of a profile is at least this many spreads: about what alarms at the usual budgets."""


class Suite(Composite):
    """See the module. A row must be assigned a profile before its first window; profiles are not in the snapshot."""

    names = _NAMES

    def __init__(self, params: SuiteParams, capacity: int) -> None:
        self.params = params
        every = params.false_alarm_every_s / params.window_s
        each, novelty = budgets(params.profiles, every)
        self._profiles = ProfileTable(params.profiles, self.names, capacity)
        self._static = StaticLimits(StaticLimitsParams(), capacity)
        self._robust = RobustLocation(
            replace(params.robust_location, every_windows=each, window_s=params.window_s), capacity,
        )
        self._cusum = Cusum(replace(params.cusum, every_windows=each, window_s=params.window_s), capacity)
        self._absence = Absence(replace(params.absence, window_s=params.window_s, every_windows=every), capacity)
        self._ranking = Ranking(capacity)
        self._resolution = Resolution(capacity)
        self._ensemble = Ensemble(params.builders(each, novelty), _COLUMN, self._profiles, capacity)
        self._band = CourseBand(self._profiles, params.window_s, capacity)
        # Results for the newest block, kept for the calls that follow on the same block.
        self._last_scaled: tuple[Block, ScaledBlock] | None = None
        self._last_scores: tuple[Block, SuiteScores, FloatArray] | None = None
        super().__init__({
            "robust_location": self._robust, "cusum": self._cusum, "absence": self._absence,
            "band": self._band.bank, "ranking": self._ranking, "resolution": self._resolution,
            **self._ensemble.banks,
        })

    def assign(self, rows: IntArray, profile: IntArray | int) -> None:
        """Assign profiles to rows, by index into `SuiteParams.profiles`."""
        self._profiles.assign(rows, profile)
        self._static.limit(rows, *self._profiles.limits(rows))
        self._invalidate()

    def profile_of(self, rows: IntArray) -> IntArray:
        """(n,) the profiles of rows, as `assign` takes them."""
        return self._profiles.assigned(rows)

    def expected(self, rows: IntArray) -> FloatArray:
        """(n,) the centre of each row, in the metric's unit; NaN while it is warming up."""
        return self._profiles.to_unit(rows, np.where(self.is_warm(rows), self._robust.centres(rows), np.nan))

    def frame(self, block: Block) -> tuple[FloatArray, FloatArray]:
        """(n,), (n,): centre and spread that each window is scored by, in the rows' scale; NaN while they warm up."""
        scaled = self._scaled(block)
        return np.where(scaled.warm, scaled.centre, np.nan), scaled.spread

    def band(self, rows: IntArray, centre: FloatArray, spread: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(n,), (n,): between which values a window in this `frame` is no alarm of robust location or of a limit.

        NaN where that is unknown, as for rows that other detectors judge, or where that direction does not count.
        """
        judged = self._profiles.any_enabled(rows, [_ROBUST])
        return expected_band(
            self._profiles, rows, np.where(judged, centre, np.nan), spread, self._robust.return_level(rows),
        )

    def score(self, block: Block) -> SuiteScores:
        """Score each window. Changes nothing."""
        return self._scored(block)[0]

    def _scored(self, block: Block) -> tuple[SuiteScores, FloatArray]:
        if self._last_scores is None or self._last_scores[0] is not block:
            self._last_scores = (block, *self._score(block))
        return self._last_scores[1:]

    def _score(self, block: Block) -> tuple[SuiteScores, FloatArray]:
        """The scores, and (2, n): what `observe` remembers of the block, mean distance and novelty."""
        scaled = self._scaled(block)
        enabled = self._enabled(block)
        expected = self._profiles.to_unit(block.rows, np.where(scaled.warm, scaled.centre, np.nan))
        static = self._static.score(block)
        levels = np.full((len(self.names), len(block)), np.nan)
        directions = np.zeros(levels.shape, dtype=np.intp)
        levels[_STATIC], directions[_STATIC] = static.level, static.direction
        use = scaled.warm & enabled[:, _ROBUST]
        value = np.where(scaled.location.direction > 0, scaled.lower, scaled.upper)
        counts = self._counts(block.rows, scaled.location, value, expected, scaled.resolution)
        fill_counted(levels[_ROBUST], directions[_ROBUST], use, counts, scaled.location)
        distances = [np.where(use, scaled.location.raw, np.nan)]
        novelty = np.full(len(block), np.nan)
        maxima: Scores | None = None
        onset_s, error_s = self._score_cusum(levels[_CUSUM], directions[_CUSUM], scaled, enabled, expected)
        for name, found in self._ensemble.score(block, scaled, enabled).items():
            at, use = _COLUMN[name], found.enabled & scaled.warm
            if name in NOVELTY:
                use &= ~enabled[:, _BLOCK_MAXIMA]
                novelty = np.fmax(novelty, found.scores.level)
            fill_counted(levels[at], directions[at], use, found.counts, found.scores)
            if name == "slow_location":
                distances.append(found.scores.raw)
            if name == SHARES:
                expected = np.where(np.isnan(found.scores.expected), expected, found.scores.expected)
                use = found.enabled & (levels[at] >= ONSET_LEVEL)
                self._share_onsets(block, use, onset_s, error_s)
            if name == "block_maxima":
                maxima = found.scores
                own = self._profiles.to_unit(block.rows, maxima.expected)
                expected = np.where(use & np.isfinite(own), own, expected)
        self._band.hold(block.end_s, scaled, enabled[:, _BLOCK_MAXIMA], levels[_ROBUST:_CUSUM + 1])
        level, detector, direction = highest(levels, directions, _ROBUST)
        expected = np.where(np.isnan(expected), static.expected, expected)
        dated = np.where(enabled[:, _SHARES], _SHARES, _CUSUM), np.arange(len(block))
        has_onset = (levels[dated] >= ONSET_LEVEL) & (directions[dated] == direction)
        span_s = block.end_s - block.start_s
        distance = mean_known(np.stack(distances))
        if maxima is not None:
            distance = np.where(enabled[:, _BLOCK_MAXIMA], maxima.raw, distance)
        novelty = np.where(self._profiles.any_enabled(block.rows, _NOVELTY_COLUMNS), novelty, level)
        return SuiteScores(
            level, detector, direction, expected, levels, np.where(has_onset, onset_s, block.start_s),
            np.where(has_onset, error_s, span_s), self._ranking.score(block.rows, distance),
            self._ranking.novelty(block.rows, novelty),
        ), np.stack([distance, novelty])

    def _score_cusum(
        self, level: FloatArray, direction: IntArray, scaled: ScaledBlock, enabled: BoolArray, expected: FloatArray,
    ) -> tuple[FloatArray, FloatArray]:
        """Fill CUSUM's level and direction; (n,), (n,): the onset of each row's run and its error, in seconds."""
        block = scaled.block
        onset_s, error_s = block.start_s.copy(), block.end_s - block.start_s
        use = scaled.warm & enabled[:, _CUSUM]
        if use.any():
            scores, runs = self._cusum.trace(scaled.residuals(use))
            onset_s[use] = runs.onset_s
            error_s[use] *= runs.error_windows
            shifted = scaled.centre[use] + runs.shift * scaled.spread[use]
            counts = self._counts(block.rows[use], scores, shifted, expected[use], scaled.resolution[use])
            level[use], direction[use] = hold_uncounted(scores.level, counts), scores.direction
        return onset_s, error_s

    def _share_onsets(self, block: Block, use: BoolArray, onset_s: FloatArray, error_s: FloatArray) -> None:
        """Write the onsets of shares and their errors where they are asked for."""
        bank = self._ensemble.banks[SHARES]
        if use.any():
            assert isinstance(bank.inner, BinomialCusum)
            part = block.select(use)
            onset_s[use], error_s[use] = bank.inner.onset(part.with_rows(bank.slots(part.rows)))

    def _enabled(self, block: Block) -> BoolArray:
        """(n, detectors): which detectors judge each window. One whose value is a share is judged as such alone."""
        enabled = self._profiles.enabled(block.rows)
        is_share = enabled[:, _SHARES] & block.are_shares()
        enabled[is_share] = False
        enabled[:, _SHARES] = is_share
        return enabled

    def _counts(
        self, rows: IntArray, scores: Scores, value: FloatArray, expected: FloatArray, resolution: FloatArray,
    ) -> BoolArray:
        """(n,) whether a deviation counts. value: in the rows' scale. expected, resolution: in the metric's unit."""
        return self._profiles.counts(rows, scores.direction, self._profiles.to_unit(rows, value), expected, resolution)

    def _scaled(self, block: Block) -> ScaledBlock:
        """The block as the learned detectors see it."""
        if self._last_scaled is None or self._last_scaled[0] is not block:
            self._last_scaled = block, self._scale(block)
        return self._last_scaled[1]

    def _scale(self, block: Block) -> ScaledBlock:
        profiles, rows = self._profiles, block.rows
        scaled = profiles.block_to_scale(block)
        lower, upper = (profiles.to_scale(rows, value) for value in without_extreme(block))
        centre, spread, excess = self._robust.frame(scaled)
        # A deviation below the profile's minimum must not give a high level either.
        expected = profiles.to_unit(rows, centre)
        floor = profiles.min_deviation(rows, expected) * profiles.slope(rows, expected) / _MIN_SPREADS
        spread = np.maximum(spread, floor)
        location = self._robust.score_in_frame(scaled, lower, upper, centre, spread)
        resolution = self._resolution.of(block)
        return ScaledBlock(scaled, lower, upper, centre, spread, excess, self.is_warm(rows), location, resolution)

    def observe(self, block: Block) -> None:
        """Record every window as evidence, whether or not it may be learned from."""
        self._absence.observe(block)
        scaled = self._scaled(block)
        self._resolution.observe(block)
        self._ranking.observe(block.rows, *self._scored(block)[1])
        self._robust.observe_tail(scaled.block, scaled.location)
        # Aggregated values come one per window: what alarmed may become usual there. With requests it never may.
        self._update_scale(scaled, self._profiles.aggregated(block.rows))
        enabled = self._enabled(block)
        use = scaled.warm & enabled[:, _CUSUM]
        if use.any():
            self._cusum.observe(scaled.residuals(use))
        self._ensemble.observe(block, scaled, enabled)
        self._band.observe(scaled.block, enabled[:, _BLOCK_MAXIMA])
        if enabled[:, _BLOCK_MAXIMA].any():
            self._robust.learn_ring(scaled.block.select(enabled[:, _BLOCK_MAXIMA]))
        self._last_scores = None

    def learn(self, block: Block, keep: BoolArray | None = None) -> None:
        """Learn from observed windows that may be learned from: those that `keep` selects, or the whole block."""
        scaled = self._scaled(block)
        if keep is not None and not keep.all():
            block, scaled = block.select(keep), scaled.select(keep)
        enabled = self._enabled(block)
        use = scaled.warm & enabled[:, _CUSUM]
        if use.any():
            self._cusum.learn(block.select(use))
        self._ensemble.learn(block, scaled, enabled)
        self._update_scale(scaled, ~self._profiles.aggregated(block.rows))
        kept = ~enabled[:, _BLOCK_MAXIMA]
        if kept.all():
            self._robust.learn_scored(scaled.block, scaled.location)
        else:
            self._robust.learn_tail(scaled.block, scaled.location)
            self._robust.learn_ring(scaled.block.select(kept))
        self._invalidate()

    def _update_scale(self, scaled: ScaledBlock, keep: BoolArray) -> None:
        if keep.any():
            part = scaled if keep.all() else scaled.select(keep)
            self._robust.update_scale(part.block, part.location)

    def young(self, rows: IntArray) -> BoolArray:
        """(n,) rows so young that they should also learn from alarming windows.

        A young row may have started during a cold start of its service, and would keep that as normal.
        """
        return self._robust.young(rows)

    def is_warm(self, rows: IntArray) -> BoolArray:
        """(n,) whether the learned detectors score the windows of each row: its profile's warm-up is over."""
        warm: BoolArray = self._robust.has_centre(rows) & (self._robust.filled(rows) >= self._profiles.warm_up(rows))
        return warm

    def usual_count(self, rows: IntArray) -> FloatArray:
        """(n,) how many samples a window of each row usually has, infinite for cold rows."""
        return self._robust.usual_count(rows)

    def score_absence(self, rows: IntArray, now_s: float) -> AbsenceScores:
        """Score how long rows have had no window at `now_s`, the event time up to which all windows are closed."""
        return self._absence.score(rows, now_s)

    def suppress_absence(self, rows: IntArray, now_s: float) -> None:
        """Do not count the absence of these rows up to `now_s`: the caller knows its cause."""
        self._absence.suppress_absence(rows, now_s)

    def exhausted_s(self, rows: IntArray, now_s: float) -> FloatArray:
        """(n,) when the token budgets of rows will be used up, NaN for rows without one: see `token_burn`."""
        bank = self._ensemble.banks["token_burn"]
        assert isinstance(bank.inner, TokenBurn)
        return bank.inner.exhausted_s(bank.slots(rows), now_s)

    def confirm(self, rows: IntArray, start_s: float, end_s: float) -> None:
        """What these rows showed from `start_s` to `end_s` was a fault that people confirmed; it never becomes normal.
        """
        self._band.withdraw(rows, start_s, end_s)
        bank, slots = self._maxima(rows)
        bank.confirm(slots, start_s, end_s)
        self._invalidate()

    def deny(self, rows: IntArray) -> None:
        """An alarm of these rows was false: take back what `confirm` said of them."""
        bank, slots = self._maxima(rows)
        bank.deny(slots)
        self._invalidate()

    def _maxima(self, rows: IntArray) -> tuple[BlockMaxima, IntArray]:
        sparse = self._ensemble.banks["block_maxima"]
        assert isinstance(sparse.inner, BlockMaxima)
        slots = sparse.slots(rows)
        return sparse.inner, slots[slots > 0]

    def grow(self, capacity: int) -> None:
        """Make room for rows below `capacity`; new rows are cold and have the first profile."""
        self._profiles.grow(capacity)
        self._static.grow(capacity)
        super().grow(capacity)

    def forget(self, rows: IntArray) -> None:
        """Return rows to the cold state; they keep their profile until another is assigned."""
        super().forget(rows)
        self._invalidate()

    def restore(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Restore a snapshot; raises `ValueError`, and changes nothing, when it is not one of this suite's."""
        super().restore(rows, state)
        self._invalidate()

    def restore_kept(
        self, rows: IntArray, state: Mapping[str, NDArray[np.generic]], keep: Mapping[str, BoolArray],
    ) -> tuple[str, ...]:
        """As `Composite.restore_kept`."""
        refused = super().restore_kept(rows, state, keep)
        self._invalidate()
        return refused

    def _invalidate(self) -> None:
        self._last_scaled = self._last_scores = None

"""The suite: all detectors of a shard's series behind one call, gated by each series' profile, one level a window.

A window's value is taken to the profile's scale, judged by robust location, and what that leaves (distance from the
centre, in spreads) by the others. A detector's level counts only in the profile's direction and beyond its minimum
deviation; the window's level is the highest that counts. A level that does not count ends below 1, so it still ranks.

Two more answers beside the level, for other questions: `score` ranks windows by how far off their row is, gates aside,
and fades over the windows after; `news` tells of what the row has never shown, once. What is known of both is measured
under `benchmarks/detection`: production telemetry labelled by the point rewards the first, early-warning sets the
second, and neither serves for the other.

For each block the caller calls `score`, then `arrived`, then `learn`. The caller decides what may be learned and leaves
out the windows of rows that an open incident has frozen; `arrived` gets every window, so that what is only evidence
(the sums of CUSUM, the arrivals of absence, the ranges of novelty) goes on and does not stand still while frozen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from detectors.banks.banked import Parted
from detectors.banks.table import Column, Table
from detectors.banks.view import View
from detectors.base import Block, BoolArray, FloatArray, IntArray, Scores
from detectors.ensemble.ensemble import ENTRIES, Ensemble
from detectors.ensemble.profiles import DEFAULT_PROFILES, Profile, Sampling
from detectors.ensemble.refractory import Refractory
from detectors.ensemble.rules import Rules
from detectors.ensemble.verdict import DATED, Verdict, decided
from detectors.native.absence import Absence, AbsenceParams, Silence
from detectors.native.art import ArtParams
from detectors.native.cusum import Cusum, CusumParams
from detectors.native.range_novelty import RangeNoveltyParams
from detectors.native.robust_location import RobustLocation, RobustLocationParams, without_extreme
from detectors.native.seasonal import SeasonalParams
from detectors.native.slow_location import SlowLocationParams
from detectors.native.static_limits import StaticLimits, StaticLimitsParams
from detectors.native.token_burn import TokenBurn, TokenBurnParams
from detectors.native.variance_change import VarianceChangeParams
from detectors.river.adwin import AdwinParams
from detectors.river.gaussian import GaussianParams
from detectors.river.half_space_trees import HalfSpaceTreesParams
from detectors.river.kswin import KswinParams
from detectors.river.page_hinkley import PageHinkleyParams

__all__ = ["Suite", "SuiteParams", "Verdict"]

_NAMES = ("static_limits", "robust_location", "cusum", *ENTRIES)
_COLUMN = {name: at for at, name in enumerate(_NAMES)}
_STATIC, _ROBUST, _CUSUM = range(3)
_NOVELTY = ("range_novelty", "art")
_NOVEL = [_COLUMN[name] for name in _NOVELTY]
_UNCOUNTED = 0.99
"""The highest level of a deviation that does not count."""
_LEAST_SPREADS = 6.0
"""The least deviation a profile minds is at least so many spreads: about what alarms at the usual budgets."""
_REFRACTORY = 100
"""Windows in which what is no higher than before is no news."""


@dataclass(frozen=True, slots=True)
class SuiteParams:
    """window_s: length of a base window. false_alarm_every_s: the budget, per series. The rest: each detector's own."""

    window_s: float = 1.0
    false_alarm_every_s: float = 604_800.0
    profiles: tuple[Profile, ...] = DEFAULT_PROFILES
    robust_location: RobustLocationParams = field(default_factory=RobustLocationParams)
    cusum: CusumParams = field(default_factory=CusumParams)
    slow_location: SlowLocationParams = field(default_factory=SlowLocationParams)
    seasonal: SeasonalParams = field(default_factory=SeasonalParams)
    range_novelty: RangeNoveltyParams = field(default_factory=RangeNoveltyParams)
    art: ArtParams = field(default_factory=ArtParams)
    variance_change: VarianceChangeParams = field(default_factory=VarianceChangeParams)
    gaussian: GaussianParams = field(default_factory=GaussianParams)
    half_space_trees: HalfSpaceTreesParams = field(default_factory=HalfSpaceTreesParams)
    adwin: AdwinParams = field(default_factory=AdwinParams)
    page_hinkley: PageHinkleyParams = field(default_factory=PageHinkleyParams)
    kswin: KswinParams = field(default_factory=KswinParams)
    token_burn: TokenBurnParams = field(default_factory=TokenBurnParams)
    absence: AbsenceParams = field(default_factory=AbsenceParams)

    def build(self, capacity: int) -> Suite:
        """The suite, with room for rows below `capacity`."""
        return Suite(self, capacity)

    def sampled(self, sampling: Sampling) -> SuiteParams:
        """The same, with every profile of one kind of sampling."""
        return replace(self, profiles=tuple(replace(profile, sampling=sampling) for profile in self.profiles))

    def following(self) -> SuiteParams:
        """The same, and behind the profiles those that follow an input whose values arrive aggregated."""
        more = [profile.following for profile in self.profiles if profile.sampling is None]
        return replace(self, profiles=(*self.profiles, *more))


class Suite(Parted):
    """See the module. Rows must be assigned a profile before their first window.

    Profiles and limits are configuration and not in the snapshot.
    """

    names = _NAMES

    def __init__(self, params: SuiteParams, capacity: int) -> None:
        self.params = params
        # The learned detectors share the budget of a series. Novelty has half a part, since most of what was never seen
        # is far off too; the season needs none beside others: what lies off its hour lies off the recent windows.
        ensembles = [set(profile.ensemble) for profile in params.profiles]
        learned = max(len(one - {*_NOVELTY, "seasonal"}) for one in ensembles)
        novel = max(len(one & {*_NOVELTY}) for one in ensembles)
        every = params.false_alarm_every_s / params.window_s
        each = every * max(learned, 1)
        self._rules = Rules(params.profiles, self.names, capacity)
        self._static = StaticLimits(StaticLimitsParams(), capacity)
        self._robust = RobustLocation(replace(params.robust_location, every_windows=each), capacity)
        self._cusum = Cusum(replace(params.cusum, every_windows=each), capacity)
        self._absence = Absence(replace(params.absence, window_s=params.window_s, every_windows=every), capacity)
        self._echo = Table({"older": Column(np.float64, np.nan), "newer": Column(np.float64, np.nan)}, capacity)
        self._refractory = Refractory(_REFRACTORY, capacity)
        budgets = dict.fromkeys(ENTRIES, each) | dict.fromkeys(_NOVELTY, every * max(2 * learned, novel, 1))
        builders = {name: replace(getattr(params, name), every_windows=budgets[name]).build for name in ENTRIES}
        self._ensemble = Ensemble(builders, _COLUMN, self._rules, capacity)
        self._seen: tuple[Block, View] | None = None
        self._judged: tuple[Block, Verdict, FloatArray] | None = None
        super().__init__({
            "robust_location": self._robust, "cusum": self._cusum, "absence": self._absence, "echo": self._echo,
            "refractory": self._refractory, **self._ensemble.banks,
        })

    def assign(self, rows: IntArray, profile: IntArray | int) -> None:
        """Say which profile (index into `SuiteParams.profiles`) judges each row."""
        self._rules.assign(rows, profile)
        self._static.limit(rows, *self._rules.limits(rows))
        self._stale()

    def score(self, block: Block) -> Verdict:
        """Judge each window. Changes nothing."""
        if self._judged is None or self._judged[0] is not block:
            self._judged = (block, *self._judge(block))
        return self._judged[1]

    def _judge(self, block: Block) -> tuple[Verdict, FloatArray]:
        view = self._view(block)
        enabled = self._rules.enabled(block.rows)
        expected = self._rules.to_unit(block.rows, np.where(view.known, view.centre, np.nan))
        static = self._static.score(block)
        levels = np.full((len(self.names), len(block)), np.nan)
        directions = np.zeros(levels.shape, dtype=np.intp)
        levels[_STATIC], directions[_STATIC] = static.level, static.direction
        use = view.known & enabled[:, _ROBUST]
        kept = np.where(view.robust.direction > 0, view.lower, view.upper)
        counts = self._minded(block.rows, view.robust, kept, expected)
        _enter(levels[_ROBUST], directions[_ROBUST], use, counts, view.robust)
        away = [np.where(use, view.robust.raw, np.nan)]
        novel = np.full(len(block), np.nan)
        begun_s, error_s = self._enter_cusum(levels[_CUSUM], directions[_CUSUM], block, view, enabled, expected)
        for name, opinion in self._ensemble.opinions(block, view, enabled).items():
            at = _COLUMN[name]
            _enter(levels[at], directions[at], opinion.asked & view.known, opinion.counts, opinion.scores)
            if name == "slow_location":
                away.append(opinion.scores.raw)
            if name in _NOVELTY:
                novel = np.fmax(novel, opinion.scores.level)
        level, detector, direction = decided(levels, directions, _ROBUST)
        expected = np.where(np.isnan(expected), static.expected, expected)
        dated = (levels[_CUSUM] >= DATED) & (directions[_CUSUM] == direction)
        span_s = block.end_s - block.start_s
        heat = _mean_known(np.stack(away))
        novel = np.where(enabled[:, _NOVEL].any(axis=1), novel, level)
        return Verdict(
            level, detector, direction, expected, levels, np.where(dated, begun_s, block.start_s),
            np.where(dated, error_s, span_s), self._faded(block.rows, heat),
            np.where(self._refractory.passes(block.rows, novel), novel, 0.0),
        ), np.stack([heat, novel])

    def _enter_cusum(
        self, level: FloatArray, direction: IntArray, block: Block, view: View, enabled: BoolArray,
        expected: FloatArray,
    ) -> tuple[FloatArray, FloatArray]:
        """Fill CUSUM's line; (n,), (n,): when each row's run began, and how far off that may be."""
        begun_s, error_s = block.start_s.copy(), block.end_s - block.start_s
        use = view.known & enabled[:, _CUSUM]
        if use.any():
            scores, runs = self._cusum.trace(view.residuals(use))
            begun_s[use] = runs.onset_s
            error_s[use] *= runs.error_windows
            moved = view.centre[use] + runs.shift * view.spread[use]
            level[use] = np.where(
                self._minded(block.rows[use], scores, moved, expected[use]), scores.level,
                np.minimum(scores.level, _UNCOUNTED),
            )
            direction[use] = scores.direction
        return begun_s, error_s

    def _minded(self, rows: IntArray, scores: Scores, moved: FloatArray, expected: FloatArray) -> BoolArray:
        """(n,) whether the profile minds a value (in its scale) of this direction and size."""
        return self._rules.counts(rows, scores.direction, self._rules.to_unit(rows, moved), expected)

    def _faded(self, rows: IntArray, heat: FloatArray) -> FloatArray:
        """(n,) the highest of these and the last two windows' mean distances from centres."""
        faded: FloatArray = np.fmax(heat, np.fmax(self._echo["older"][rows], self._echo["newer"][rows]))
        return faded

    def _view(self, block: Block) -> View:
        """The block as the learned detectors see it; kept for the calls that follow on the same block."""
        if self._seen is None or self._seen[0] is not block:
            self._seen = block, self._look(block)
        return self._seen[1]

    def _look(self, block: Block) -> View:
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
        return View(scaled, lower, upper, centre, spread, known, robust)

    def learn(self, block: Block, keep: BoolArray | None = None) -> None:
        """Take in the windows that may be learned from, after `arrived` had them; all of the block without a mask."""
        view = self._view(block)
        if keep is not None and not keep.all():
            block, view = block.take(keep), view.take(keep)
        enabled = self._rules.enabled(block.rows)
        use = view.known & enabled[:, _CUSUM]
        if use.any():
            self._cusum.settle(block.take(use))
        self._ensemble.settle(block, view, enabled)
        self._roam(view, ~self._rules.aggregated(block.rows))
        self._robust.take_in(view.scaled, view.robust)
        self._stale()

    def _roam(self, view: View, keep: BoolArray) -> None:
        if keep.any():
            part = view if keep.all() else view.take(keep)
            self._robust.roam(part.scaled, part.robust)

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
        self.score(block)
        assert self._judged is not None
        heat, novel = self._judged[2]
        self._refractory.track(block.rows, novel)
        self._echo["older"][block.rows] = self._echo["newer"][block.rows]
        self._echo["newer"][block.rows] = heat
        self._robust.witness(view.scaled, view.robust)
        # Values that come one a window must be allowed to make a habit of what alarmed; requests never need that.
        self._roam(view, self._rules.aggregated(block.rows))
        enabled = self._rules.enabled(block.rows)
        use = view.known & enabled[:, _CUSUM]
        if use.any():
            self._cusum.track(view.residuals(use))
        self._ensemble.track(block, view, enabled)
        self._judged = None

    def silence(self, rows: IntArray, now_s: float) -> Silence:
        """Judge the silence of rows at `now_s`, the event time up to which all windows are closed."""
        return self._absence.silence(rows, now_s)

    def suppress_absence(self, rows: IntArray, now_s: float) -> None:
        """Let the silence of these rows up to `now_s` not count: the caller knows its cause."""
        self._absence.suppress_absence(rows, now_s)

    def exhausted_s(self, rows: IntArray, now_s: float) -> FloatArray:
        """(n,) when the token budgets of rows will be used up, NaN for rows without one: see `token_burn`."""
        bank = self._ensemble.banks["token_burn"]
        assert isinstance(bank.inner, TokenBurn)
        return bank.inner.exhausted_s(bank.held(rows), now_s)

    def grow(self, capacity: int) -> None:
        """Make room for rows below `capacity`; new rows are cold and have the first profile."""
        self._rules.grow(capacity)
        self._static.grow(capacity)
        super().grow(capacity)

    def forget(self, rows: IntArray) -> None:
        """Return rows to the cold state; they keep their profile until they are assigned another."""
        super().forget(rows)
        self._stale()

    def restore(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Put a snapshot back; raises `ValueError`, and changes nothing, when it is not one of this suite's."""
        super().restore(rows, state)
        self._stale()

    def _stale(self) -> None:
        self._seen = self._judged = None


def _enter(level: FloatArray, direction: IntArray, use: BoolArray, counts: BoolArray, scores: Scores) -> None:
    """Fill one detector's line: its level where it counts, held below 1 where it does not."""
    level[use] = np.where(counts, scores.level, np.minimum(scores.level, _UNCOUNTED))[use]
    direction[use] = scores.direction[use]


def _mean_known(levels: FloatArray) -> FloatArray:
    """(n,) the mean of what is not NaN; NaN where nothing is."""
    known = np.isfinite(levels)
    number = known.sum(axis=0)
    return np.where(number > 0, np.where(known, levels, 0.0).sum(axis=0) / np.maximum(number, 1), np.nan)


"""The parameters of a suite: the budget, the profiles, and those of each detector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from detectors.banks.composite import Bank
from detectors.ensemble.budgets import NOVELTY
from detectors.ensemble.ensemble import ENTRIES, SHARES
from detectors.ensemble.profiles import DEFAULT_PROFILES, Profile, Sampling
from detectors.maxima.block_maxima import BlockMaximaParams
from detectors.native.absence import AbsenceParams
from detectors.native.art import ArtParams
from detectors.native.binomial_cusum import BinomialCusumParams
from detectors.native.cusum import CusumParams
from detectors.native.range_novelty import RangeNoveltyParams
from detectors.native.robust_location import RobustLocationParams
from detectors.native.seasonal import SeasonalParams
from detectors.native.slow_location import SlowLocationParams
from detectors.native.token_burn import TokenBurnParams
from detectors.native.variance_change import VarianceChangeParams
from detectors.river.adwin import AdwinParams
from detectors.river.gaussian import GaussianParams
from detectors.river.half_space_trees import HalfSpaceTreesParams
from detectors.river.kswin import KswinParams
from detectors.river.page_hinkley import PageHinkleyParams

LEAST_BUDGET_S = 60.0


@dataclass(frozen=True, slots=True)
class SuiteParams:
    """window_s: length of a base window. false_alarm_every_s: the mean time between false alarms of one series, the
    budget. The other parameters are those of the detectors. Raises `ValueError`.
    """

    window_s: float = 1.0
    false_alarm_every_s: float = 604_800.0
    profiles: tuple[Profile, ...] = DEFAULT_PROFILES
    robust_location: RobustLocationParams = field(default_factory=RobustLocationParams)
    cusum: CusumParams = field(default_factory=CusumParams)
    block_maxima: BlockMaximaParams = field(default_factory=BlockMaximaParams)
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
    binomial_cusum: BinomialCusumParams = field(default_factory=BinomialCusumParams)
    absence: AbsenceParams = field(default_factory=AbsenceParams)

    def __post_init__(self) -> None:
        if not self.false_alarm_every_s >= LEAST_BUDGET_S:
            raise ValueError(
                f"SuiteParams.false_alarm_every_s: {self.false_alarm_every_s:g}, expected at least {LEAST_BUDGET_S:g}",
            )

    def sampled(self, sampling: Sampling) -> SuiteParams:
        """A copy in which every profile has this sampling."""
        return replace(self, profiles=tuple(replace(profile, sampling=sampling) for profile in self.profiles))

    def with_aggregated_profiles(self) -> SuiteParams:
        """A copy with more profiles behind the others: the variants for inputs whose values arrive aggregated."""
        more = [profile.aggregated for profile in self.profiles if profile.sampling is None]
        return replace(self, profiles=(*self.profiles, *more))

    def builders(self, each: float, novelty: float) -> dict[str, Callable[[int], Bank]]:
        """Constructors of the detectors in `ENTRIES`, by name. each: windows between false alarms of one of them.
        novelty: the same of a detector of novelty."""
        every = self.false_alarm_every_s / self.window_s
        windows = dict.fromkeys(ENTRIES, each) | dict.fromkeys(NOVELTY, novelty) | {SHARES: every}
        builders: dict[str, Callable[[int], Bank]] = {
            name: replace(getattr(self, name), every_windows=windows[name]).build
            for name in ENTRIES if name != "block_maxima"
        }
        for name in ("slow_location", SHARES):
            builders[name] = replace(getattr(self, name), every_windows=windows[name], window_s=self.window_s).build
        builders["block_maxima"] = replace(self.block_maxima, every_s=self.false_alarm_every_s).build
        return builders

"""All detectors by their names in the configuration. A new detector is a module and one line here."""

from __future__ import annotations

from detectors.maxima.block_maxima import BlockMaximaParams
from detectors.native.absence import AbsenceParams
from detectors.native.art import ArtParams
from detectors.native.binomial_cusum import BinomialCusumParams
from detectors.native.cusum import CusumParams
from detectors.native.range_novelty import RangeNoveltyParams
from detectors.native.robust_location import RobustLocationParams
from detectors.native.seasonal import SeasonalParams
from detectors.native.slow_location import SlowLocationParams
from detectors.native.static_limits import StaticLimitsParams
from detectors.native.token_burn import TokenBurnParams
from detectors.native.variance_change import VarianceChangeParams
from detectors.river.adwin import AdwinParams
from detectors.river.gaussian import GaussianParams
from detectors.river.half_space_trees import HalfSpaceTreesParams
from detectors.river.kswin import KswinParams
from detectors.river.page_hinkley import PageHinkleyParams

ON_VALUES = {
    "block_maxima": BlockMaximaParams,
    "robust_location": RobustLocationParams,
    "slow_location": SlowLocationParams,
    "seasonal": SeasonalParams,
    "range_novelty": RangeNoveltyParams,
    "art": ArtParams,
    "variance_change": VarianceChangeParams,
    "gaussian": GaussianParams,
    "static_limits": StaticLimitsParams,
}
"""Detectors of a window's value."""

ON_RESIDUALS = {
    "cusum": CusumParams,
    "adwin": AdwinParams,
    "page_hinkley": PageHinkleyParams,
    "kswin": KswinParams,
    "half_space_trees": HalfSpaceTreesParams,
}
"""Detectors of residuals: the value's distance from the centre of `robust_location`, in spreads."""

ON_SPENDING = {
    "token_burn": TokenBurnParams,
}
"""Detectors of consumption: of the value as a share of the profile's budget."""

ON_SHARES = {
    "binomial_cusum": BinomialCusumParams,
}
"""Detectors of shares: of hits out of a known number of trials."""

ON_ARRIVALS = {
    "absence": AbsenceParams,
}
"""Detectors of missing windows."""

CATALOGUE = ON_VALUES | ON_RESIDUALS | ON_SPENDING | ON_SHARES | ON_ARRIVALS

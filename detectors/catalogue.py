"""Every detector by its name in the configuration. A new detector is its file and one line here."""

from __future__ import annotations

from detectors.absence import AbsenceParams
from detectors.adwin import AdwinParams
from detectors.cusum import CusumParams
from detectors.robust_location import RobustLocationParams
from detectors.static_limits import StaticLimitsParams

ON_VALUES = {
    "robust_location": RobustLocationParams,
    "static_limits": StaticLimitsParams,
}
"""Detectors that judge a window's value."""

ON_RESIDUALS = {
    "cusum": CusumParams,
    "adwin": AdwinParams,
}
"""Detectors that judge what `robust_location` leaves: the value's distance from the centre, in spreads."""

ON_ARRIVALS = {
    "absence": AbsenceParams,
}
"""Detectors of what does not come."""

CATALOGUE = ON_VALUES | ON_RESIDUALS | ON_ARRIVALS

"""The band that is expected of a row: a window beyond it is an alarm of robust location or of a static limit."""

from __future__ import annotations

import numpy as np

from detectors.base import FloatArray, IntArray
from detectors.ensemble.profile_table import ProfileTable


def expected_band(
    profiles: ProfileTable, rows: IntArray, centre: FloatArray, spread: FloatArray, return_level: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """(n,), (n,): the lowest and highest value that is no alarm, in the metric's unit.

    NaN where that is unknown, or where deviations in that direction do not count. centre, spread: (n,) in the rows'
    scale. return_level: (n, 2) distance in spreads that is level 1.0, above and below.
    """
    expected = profiles.to_unit(rows, centre)
    least = profiles.min_deviation(rows, expected)
    high = np.maximum(profiles.to_unit(rows, centre + return_level[:, 0] * spread), expected + least)
    low = np.minimum(profiles.to_unit(rows, centre - return_level[:, 1] * spread), expected - least)
    direction = profiles.direction(rows)
    lowest, highest = profiles.limits(rows)
    return (
        np.fmax(np.where(direction <= 0, low, np.nan), lowest),
        np.fmin(np.where(direction >= 0, high, np.nan), highest),
    )

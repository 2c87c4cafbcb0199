"""Slow location: robust location over about a thousand windows, from a ring that keeps one window in eight.

Its spread stays the same for long, so its peaks are less independent than they look: its own tail gets weight later
than that of the fast one. Fails and costs as `robust_location`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from detectors.calibration.calibrator import TailParams
from detectors.native.robust_location import RobustLocationParams


def _tail() -> TailParams:
    return replace(RobustLocationParams().tail, prior_exceedances=20.0, prior_shape=10.0, reach=6.0)


@dataclass(frozen=True, slots=True)
class SlowLocationParams(RobustLocationParams):
    """As `RobustLocationParams`, with other defaults."""

    stride: int = 8
    tail: TailParams = field(default_factory=_tail)

"""By which parameters a suite learned: texts to compare, so that what the same parameters learned can be kept."""

from __future__ import annotations

from collections.abc import Mapping

from detectors.ensemble.budgets import budgets
from detectors.ensemble.ensemble import ENTRIES
from detectors.ensemble.profiles import Profile
from detectors.ensemble.suite_params import SuiteParams

KEPT_OF_ANY_PROFILE = ("absence",)
"""Parts of a suite whose state does not depend on the profile of a row."""
_UNFRAMED = ("absence", "resolution", "token_burn", "binomial_cusum")
"""Parts that do not see the values as robust location frames them."""


def learned_by(params: SuiteParams) -> Mapping[str, str]:
    """By part of a suite's state, a text that is the same where the same values lead to the same state."""
    every = params.false_alarm_every_s / params.window_s
    shares = (params.window_s, *budgets(params.profiles, every))
    frame = (*shares, params.robust_location)
    found = {"robust_location": repr(frame)}
    for name in ("cusum", "absence", *ENTRIES):
        own = (every, *shares, getattr(params, name))
        found[name] = repr(own if name in _UNFRAMED else (*own, frame))
    return {**found, "band": repr(frame), "ranking": repr(frame), "resolution": repr(params.window_s)}


def learned_as(profile: Profile) -> str:
    """The same for a row, by its profile: its scale, and the deviations that count. The limits, the warm-up, the names
    of the detectors and what the profile matches have no influence on what a row learns."""
    return repr((
        profile.scale, profile.floor, profile.sampling, profile.direction, profile.min_abs, profile.min_rel,
        profile.min_share, profile.token_budget,
    ))

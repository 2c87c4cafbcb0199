"""How the detectors of a series share its false-alarm budget."""

from __future__ import annotations

from collections.abc import Sequence

from detectors.ensemble.profiles import Profile

NOVELTY = ("range_novelty", "art")
"""The detectors of novelty."""
_NO_SHARE = {*NOVELTY, "seasonal", "block_maxima", "binomial_cusum"}


def budgets(profiles: Sequence[Profile], every: float) -> tuple[float, float]:
    """Windows between false alarms of one detector, and of one detector of novelty. every: the same of a series.

    The learned detectors of the largest ensemble share the budget of a series. A detector of novelty gets half a share,
    since most of what was never seen is also far from the centre. `seasonal` adds no share: what is unusual for its
    hour is mostly unusual among the recent windows too. Nor does `block_maxima`, whose budget is the series' own, or
    `binomial_cusum`, which judges its windows alone.
    """
    ensembles = [set(profile.ensemble) for profile in profiles]
    learned = max((len(names - _NO_SHARE) for names in ensembles), default=0)
    novelty = max((len(names & {*NOVELTY}) for names in ensembles), default=0)
    return every * max(learned, 1), every * max(2 * learned, novelty, 1)

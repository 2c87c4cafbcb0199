"""Planned shifts: how far each metric may depart from what was expected, given the expectations of a planned change.

An expectation covers the metrics that it names. It also covers what follows from it, up to the same factor, so that
nobody has to list every metric:

- other metrics of its family, for example the quantiles of a latency;
- the delays that the causal rules name as effects: longer token generation means later answers, and more of them in
  flight and queued; and fewer answers, since each takes longer;
- of a latency, which is the total time, the times that it consists of.

Failures, silence, and the content of requests and answers are never covered by what follows. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from classifiers.causes.causal_rules import DELAYS, EFFECTS
from classifiers.evidence.evidence_table import Signal
from classifiers.evidence.families import family_of
from classifiers.expectations import Expectation, family_named, names_metric

TOTAL: Signal = "latency"
"""The family whose metrics are the sum of the other delays."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """The range in which a series may lie: multiples of what was expected, and bounds in the metric's unit.

    low, high: factors, 1.0 for no departure. lowest, highest: in the unit, None for none. Of two that apply the wider
    one counts.
    """

    low: float = 1.0
    high: float = 1.0
    lowest: float | None = None
    highest: float | None = None


def allowance(metric: str, expectations: Iterable[tuple[Expectation, float | None]]) -> Allowance | None:
    """What expectations allow a metric, None where none covers it. About 5 us an expectation.

    Each comes with its bound as a factor, which a bound in a unit has once the expected value of its metric is known;
    None while unknown, so that it covers the metrics that it names alone.
    """
    low, high = 1.0, 1.0
    lowest: float | None = None
    highest: float | None = None
    covered = False
    for expectation, factor in expectations:
        rises = expectation.op == "<="
        if names_metric(expectation, metric):
            covered = True
            if expectation.relative:
                low, high = (low, max(high, expectation.bound)) if rises else (min(low, expectation.bound), high)
            elif rises:
                highest = max(expectation.bound, expectation.bound if highest is None else highest)
            else:
                lowest = min(expectation.bound, expectation.bound if lowest is None else lowest)
        elif factor is not None and factor > 0.0:
            signal, named = family_of(metric), family_named(expectation)
            followers = followers_of(named) if rises else frozenset({named} - {"other"})
            if signal in followers:
                covered, low, high = True, min(low, factor), max(high, factor)
            elif signal == "traffic" and "lull" in followers:
                covered, low = True, min(low, 1.0 / factor)
    return Allowance(low, high, lowest, highest) if covered else None


def followers_of(signal: Signal) -> frozenset[Signal]:
    """The signals that may shift as far as a metric of this signal that rises as planned.

    >>> sorted(followers_of("first_token"))
    ['first_token', 'latency', 'lull', 'queueing', 'saturation']
    """
    if signal == "other":
        return frozenset()
    effects = EFFECTS.get(signal, frozenset()) & (DELAYS | {"lull"})
    return effects | {signal} | (DELAYS if signal == TOTAL else frozenset())

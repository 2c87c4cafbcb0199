"""Expectations: by how much a metric may depart from what was expected of it before a change. Plain values.

The text form is a metric, `<=` or `>=`, and a bound: `latency_ms<=1.7x` (a multiple of what was expected) or
`queue_depth<=12` (in the metric's unit). The metric is a name, a glob over names, or a metric family. `<=` lets it rise
up to the bound, `>=` lets it fall down to it. Failures are never expected.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import isfinite
from typing import Literal, get_args

from classifiers.evidence.families import Family, family_of

Bound = Literal["<=", ">="]
FAMILY_NAMES = frozenset(get_args(Family)) - {"other"}
MAX_METRIC = 200
"""Characters of a metric at most."""
MAX_FACTOR = 100.0

_TEXT = re.compile(r"\s*([\w.*?\[\]:-]+?)\s*(<=|>=)\s*(-?[0-9.]+(?:[eE][+-]?[0-9]+)?)\s*([A-Za-z%]*)\s*")
_EXAMPLES = "such as latency_ms<=1.7x, latency_ms<=4000 or confidence>=0.9x"


@dataclass(frozen=True, slots=True)
class Expectation:
    """How far a metric may rise (`<=`) or fall (`>=`).

    metric: a name, a glob, or a family. bound: a multiple of what was expected before where `relative`, else in the
    metric's unit. Raises `ValueError`.
    """

    metric: str
    op: Bound
    bound: float
    relative: bool

    def __post_init__(self) -> None:
        place = f"expect: {self.metric[:40]}{self.op}{self.bound:g}{'x' if self.relative else ''}"
        if not self.metric or len(self.metric) > MAX_METRIC:
            raise ValueError(f"expect: metric {self.metric[:40]!r}, expected 1 to {MAX_METRIC} characters")
        if self.op not in get_args(Bound):
            raise ValueError(f"expect: operator {self.op!r}, expected <= (it may rise) or >= (it may fall)")
        if family_named(self) == "errors":
            raise ValueError(f"{place}: a failure rate, expected another metric, since failures are never expected")
        if not isfinite(self.bound):
            raise ValueError(f"{place}: expected a finite bound")
        if self.relative and self.op == "<=" and not 1.0 <= self.bound <= MAX_FACTOR:
            raise ValueError(f"{place}: expected a factor from 1x to {MAX_FACTOR:g}x, since the metric may rise by it")
        if self.relative and self.op == ">=" and not 0.0 <= self.bound <= 1.0:
            raise ValueError(f"{place}: expected a factor from 0x to 1x, since the metric may fall to it")

    def __str__(self) -> str:
        return f"{self.metric}{self.op}{self.bound:g}{'x' if self.relative else ''}"


def family_named(expectation: Expectation) -> Family:
    """The family that an expectation names, or that of the metrics that it names; `other` where that is unknown."""
    name = expectation.metric
    return family_of(name) if name not in FAMILY_NAMES else next(one for one in get_args(Family) if one == name)


def names_metric(expectation: Expectation, metric: str) -> bool:
    """Whether an expectation names a metric: by its name, by a glob, or by its family. Failures are never named."""
    family = family_of(metric)
    if family == "errors":
        return False
    return fnmatchcase(metric, expectation.metric) or family == expectation.metric


def parse_expectation(text: str) -> Expectation:
    """Parses an expectation; raises `ValueError` that names the text and what was expected.

    A bound in the metric's unit may repeat the unit with which the metric's name ends.

    >>> parse_expectation("latency_ms<=1.7x")
    Expectation(metric='latency_ms', op='<=', bound=1.7, relative=True)
    >>> parse_expectation("latency_ms <= 4000ms")
    Expectation(metric='latency_ms', op='<=', bound=4000.0, relative=False)
    """
    found = _TEXT.fullmatch(text)
    if found is None:
        raise ValueError(f"expect: {text!r}, expected a metric, <= or >=, and a bound, {_EXAMPLES}")
    metric, op, number, unit = found.groups()
    try:
        bound = float(number)
    except ValueError:
        raise ValueError(f"expect: {text!r}, expected a number after {op}, {_EXAMPLES}") from None
    if unit not in ("", "x", "X") and unit not in metric.split("_"):
        raise ValueError(f"expect: {text!r}, expected a factor such as 1.7x, or a bound in the unit of {metric}")
    return Expectation(metric, "<=" if op == "<=" else ">=", bound, unit in ("x", "X"))

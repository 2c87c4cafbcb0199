"""A fault: a parameter of the serving stack (a knob) that is changed for a while, for a part of the traffic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from classifiers.model import Category
from detectors.base import BoolArray, FloatArray, IntArray

Dimension = Literal["replica", "tenant", "version"]
Knob = Literal[
    "traffic", "prompt", "completion", "decode", "prefill", "slots", "quality", "hits", "relevance", "cached",
    "failing", "silent", "truncated", "blocked", "violating", "injecting", "unauthorised", "leaking", "malformed",
    "drifting",
]
FACTORS: frozenset[Knob] = frozenset({
    "traffic", "prompt", "completion", "decode", "prefill", "slots", "quality", "hits", "relevance", "cached",
})
"""Knobs that multiply; 1 is untouched. The others are shares of requests (or shifts of a score); 0 is untouched."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The part of a service's traffic that a fault hits; None and None for all of it."""

    dimension: Dimension | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """One cause. spans: (start, end) in seconds of the run, several where it flaps. ramp_s: seconds until it is at its
    full size. version: what all traffic is moved to while it lasts. breach: data or unsafe output got out. drift: a
    configuration that drifted, with little harm. planning: a trend without harm so far."""

    kind: str
    category: Category
    reach: Reach
    spans: tuple[tuple[float, float], ...]
    effects: tuple[tuple[Knob, float], ...]
    ramp_s: float = 0.0
    version: str | None = None
    breach: bool = False
    drift: bool = False
    planning: bool = False

    @property
    def start_s(self) -> float:
        return self.spans[0][0]

    @property
    def end_s(self) -> float:
        return self.spans[-1][1]

    def size(self, knob: Knob) -> float:
        """How far a knob is turned at full size."""
        return dict(self.effects).get(knob, 1.0 if knob in FACTORS else 0.0)

    def progress(self, at_s: FloatArray) -> FloatArray:
        """0 outside the spans, rising to 1 within `ramp_s` in each."""
        found = np.zeros(len(at_s))
        for start_s, end_s in self.spans:
            inside = (at_s >= start_s) & (at_s < end_s)
            grown = np.ones(len(at_s)) if self.ramp_s == 0.0 else np.clip((at_s - start_s) / self.ramp_s, 0.0, 1.0)
            found = np.where(inside, grown, found)
        return found


@dataclass(frozen=True, slots=True)
class Members:
    """Which requests belong to which value of each dimension, by index into `values`."""

    values: dict[Dimension, tuple[str, ...]]
    index: dict[Dimension, IntArray]

    def within(self, reach: Reach, count: int) -> BoolArray:
        """(count,) the requests that a fault of this reach hits."""
        if reach.dimension is None or reach.value is None:
            return np.ones(count, bool)
        hit: BoolArray = self.index[reach.dimension] == self.values[reach.dimension].index(reach.value)
        return hit


def turned(faults: tuple[Fault, ...], knob: Knob, at_s: FloatArray, members: Members) -> FloatArray:
    """(n,) how far a knob is turned for requests that arrive at these times."""
    multiplies = knob in FACTORS
    found = np.ones(len(at_s)) if multiplies else np.zeros(len(at_s))
    for fault in faults:
        if knob not in dict(fault.effects):
            continue
        progress = fault.progress(at_s) * members.within(fault.reach, len(at_s))
        if multiplies:
            found *= fault.size(knob) ** progress
        else:
            found = 1.0 - (1.0 - found) * (1.0 - fault.size(knob) * progress)
    return found

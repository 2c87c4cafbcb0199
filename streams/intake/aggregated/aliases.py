"""Whose metric is what of ours: how an exporter's name, labels and unit become a metric that profiles and rules know.

The table itself is in `streams/intake/aggregated/alias_table.py`. A name is looked up as it is written and as pipelines
rewrite it: `:` and `.` as `_`, counters with or without `_total`, seconds with or without `_seconds`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Stack = Literal["vllm", "sglang", "tgi", "triton", "nim", "ray_serve", "kserve", "litellm", "otel", "unknown"]
Kind = Literal["gauge", "counter", "histogram", "summary"]
Unit = Literal["1", "s", "ms", "us", "ns", "%"]

TALLIES = frozenset({
    "requests", "served", "failed", "repeated", "corrupted", "latency_ms", "queue_ms", "prompt_tokens",
    "completion_tokens", "cache_queries", "cache_hits", "drafted", "accepted",
})
"""What counters add up to within an interval; `streams/intake/aggregated/fold.py` makes rates and shares of them."""

@dataclass(frozen=True, slots=True)
class By:
    """A label that decides. value: for each value, the metric (None: that of the alias) and tallies beside the alias's
    own; `*` stands for any value that is not empty."""

    label: str
    value: Mapping[str, tuple[str | None, tuple[str, ...]]]

    def choice(self, labels: Mapping[str, str]) -> tuple[str | None, tuple[str, ...]]:
        """What the labels of a point choose."""
        found = labels.get(self.label, "")
        return self.value.get(found) or (self.value.get("*") if found else None) or (None, ())


@dataclass(frozen=True, slots=True)
class Alias:
    """One source name. kind: of the source. metric: ours, that of a counter being its rate; None where only tallies are
    made of it. unit: of the source's values, where the wire does not say. tallies: what grows by a counter's increase,
    or by the number of observations of a histogram. by: a label that decides on metric or tallies. zero: tallies that
    are 0, and not unknown, while there is no series for them yet, as exporters begin one with the first event."""

    source: str
    stack: Stack
    kind: Kind
    metric: str | None
    unit: Unit = "1"
    tallies: tuple[str, ...] = ()
    by: By | None = None
    zero: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        chosen = [] if self.by is None else [tallies for _, tallies in self.by.value.values()]
        named = {*self.tallies, *self.zero}.union(*chosen)
        if named - TALLIES:
            raise ValueError(f"alias {self.source}: tallies {sorted(named - TALLIES)}, expected some of those declared")


@dataclass(frozen=True, slots=True)
class Target:
    """Where the points of one series go: our metric (None: nowhere), the tallies they add to, those that are at least
    0 with them, and their factor."""

    kind: Kind
    metric: str | None
    tallies: tuple[str, ...]
    zero: tuple[str, ...]
    factor: float


_MS: Mapping[str, float] = {
    "s": 1e3, "ms": 1.0, "us": 1e-3, "µs": 1e-3, "μs": 1e-3, "ns": 1e-6, "min": 6e4, "h": 3.6e6,
    "seconds": 1e3, "milliseconds": 1.0, "microseconds": 1e-3, "nanoseconds": 1e-6,
}
"""Milliseconds in a unit of time, by UCUM code and by the words that exporters use."""
_ONE: Mapping[str, float] = {"%": 0.01, "percent": 0.01}


def factor(told: str, declared: Unit) -> float:
    """What a value is multiplied by to be ours: milliseconds, shares from 0 to 1, plain numbers.

    told: the unit on the wire, which counts where it is of the declared dimension; an empty or foreign one does not.
    """
    if declared in _MS:
        return _MS.get(told, _MS[declared])
    return _ONE.get(told, _ONE.get(declared, 1.0))


def target_of(alias: Alias, labels: Mapping[str, str], told: str) -> Target:
    """Where the points of a series with these labels, and this unit on the wire, go."""
    metric, tallies = alias.by.choice(labels) if alias.by is not None else (None, ())
    of_labels = () if alias.by is None else [tally for _, some in alias.by.value.values() for tally in some]
    zero = tuple(dict.fromkeys((*alias.zero, *of_labels)))
    return Target(alias.kind, metric or alias.metric, alias.tallies + tallies, zero, factor(told, alias.unit))


_REWRITTEN = re.compile(r"[.:/\-]")


@dataclass(slots=True)
class Aliases:
    """Look-up by source name. unknown: what to do with names that are not in the table."""

    table: Iterable[Alias]
    unknown: Literal["drop", "pass"] = "drop"
    not_watched: Mapping[str, str] = field(default_factory=dict)
    _known: dict[str, Alias] = field(init=False)
    _unwatched: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self._known = {_canonical(alias.source): alias for alias in self.table}
        self._unwatched = frozenset(map(_canonical, self.not_watched))

    def known(self, name: str) -> Alias | None:
        """The alias of a source name that is in the table."""
        plain = _canonical(name)
        for candidate in (plain, plain.removesuffix("_seconds"), plain.removeprefix("ray_")):
            if (alias := self._known.get(candidate)) is not None:
                return alias
        return None

    def other(self, name: str, kind: Kind, unit: str) -> Alias | None:
        """What is made of a name that is not in the table. kind, unit: as the wire says them, '' for no unit."""
        if self.unknown == "drop" or _canonical(name) in self._unwatched:
            return None
        return passed(name, kind, unit)


def passed(name: str, kind: Kind, unit: str) -> Alias:
    """A metric under its own name; times become milliseconds and say so, counters a rate that says so."""
    plain = name.removesuffix("_total").removesuffix("_seconds")
    timed = unit in _MS or name.removesuffix("_total").endswith("_seconds")
    declared: Unit = "s" if timed else "1"
    suffix = "_ms" if timed and not plain.endswith("_ms") else ""
    metric = f"{plain}{suffix}" + ("_per_s" if kind == "counter" else "")
    return Alias(name, "unknown", kind, metric, declared)


def _canonical(name: str) -> str:
    return _REWRITTEN.sub("_", name).removesuffix("_total")

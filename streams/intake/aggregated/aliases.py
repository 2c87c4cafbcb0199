"""The name, labels and unit of an exporter's metric to a metric that profiles and rules know.

The table itself is in `streams/intake/aggregated/alias_table.py`. A name is looked up as it is written and as pipelines
rewrite it: `:` and `.` as `_`, counters with or without `_total`, seconds with or without `_seconds`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Stack = Literal[
    "vllm", "sglang", "tgi", "tei", "triton", "tensorrt_llm", "nim", "lmdeploy", "llama_cpp", "ray_serve", "kserve",
    "dynamo", "inference_gateway", "vllm_router", "litellm", "otel", "unknown",
]
Kind = Literal["gauge", "counter", "histogram", "summary"]
Unit = Literal["1", "s", "ms", "us", "ns", "%"]

TOTALS = frozenset({
    "requests", "served", "failed", "calls", "failed_calls", "repeated", "corrupted", "latency_ms", "queue_ms",
    "decode_ms", "prompt_tokens", "completion_tokens", "cache_queries", "cache_hits", "drafted", "accepted",
})
"""Totals of an interval, to which counters add. `streams/intake/aggregated/instant.py` makes rates and ratios of
them."""
SERVED = ("requests", "served")
FAILED = ("requests", "failed")


@dataclass(frozen=True, slots=True)
class LabelSwitch:
    """Metric and totals that depend on a label.

    label: as OpenTelemetry writes it; Prometheus has `_` for `.` in it. value: by value of the label, the metric (None:
    that of the alias) and the totals beside those of the alias. `*` stands for any value that is not empty, the empty
    text for a series without the label.
    """

    label: str
    value: Mapping[str, tuple[str | None, tuple[str, ...]]]

    def select(self, labels: Mapping[str, str]) -> tuple[str | None, tuple[str, ...]]:
        """Metric and totals for the labels of a point."""
        found = labels.get(self.label) or labels.get(self.label.replace(".", "_"), "")
        return self.value.get(found) or (self.value.get("*") if found else None) or (None, ())


@dataclass(frozen=True, slots=True)
class Alias:
    """One source name.

    kind: of the source. metric: ours, of a counter its rate; None for a source that only adds to totals. unit: of the
    values, where the wire does not say. totals: get the increase of a counter, or the number of observations of a
    histogram. by: a label on which metric or totals depend. zero: totals that are 0 and not unknown while they have no
    series, since exporters begin a series with its first event. none_at: the value by which a gauge says that it has
    none; None where every value counts.
    """

    source: str
    stack: Stack
    kind: Kind
    metric: str | None
    unit: Unit = "1"
    totals: tuple[str, ...] = ()
    by: LabelSwitch | None = None
    zero: tuple[str, ...] = ()
    none_at: float | None = None

    def __post_init__(self) -> None:
        chosen = [] if self.by is None else [totals for _, totals in self.by.value.values()]
        named = {*self.totals, *self.zero}.union(*chosen)
        if named - TOTALS:
            raise ValueError(f"alias {self.source}: totals {sorted(named - TOTALS)}, expected some of those declared")


@dataclass(frozen=True, slots=True)
class Target:
    """Where the points of one series go.

    metric: ours, None for none. totals: to which they add. zero: totals that are at least 0 with them. factor: from
    units of the source to ours. none_at: see `Alias`.
    """

    kind: Kind
    metric: str | None
    totals: tuple[str, ...]
    zero: tuple[str, ...]
    factor: float
    none_at: float | None = None


_MS: Mapping[str, float] = {
    "s": 1e3, "ms": 1.0, "us": 1e-3, "µs": 1e-3, "μs": 1e-3, "ns": 1e-6, "min": 6e4, "h": 3.6e6,
    "seconds": 1e3, "milliseconds": 1.0, "microseconds": 1e-3, "nanoseconds": 1e-6,
}
"""Milliseconds in a unit of time, by UCUM code and by the words that exporters use."""
_ONE: Mapping[str, float] = {"%": 0.01, "percent": 0.01}


def factor(wire_unit: str, declared: Unit) -> float:
    """The factor from a value on the wire to our units: milliseconds, shares from 0 to 1, plain numbers.

    wire_unit: used where it is of the declared dimension; an empty or another one is not.
    """
    if declared in _MS:
        return _MS.get(wire_unit, _MS[declared])
    return _ONE.get(wire_unit, _ONE.get(declared, 1.0))


def target_of(alias: Alias, labels: Mapping[str, str], wire_unit: str) -> Target:
    """The target of a series with these labels and this unit on the wire."""
    metric, totals = alias.by.select(labels) if alias.by is not None else (None, ())
    of_labels = () if alias.by is None else [name for _, names in alias.by.value.values() for name in names]
    zero = tuple(dict.fromkeys((*alias.zero, *of_labels)))
    return Target(
        alias.kind, metric or alias.metric, alias.totals + totals, zero, factor(wire_unit, alias.unit), alias.none_at,
    )


_REWRITTEN = re.compile(r"[.:/\-]")
RAY = "ray_"
"""What Ray's exporter puts before every name."""


@dataclass(slots=True)
class Aliases:
    """Look-up by source name. unknown: names that are not in the table are dropped, or passed under their own names."""

    table: Iterable[Alias]
    unknown: Literal["drop", "pass"] = "drop"
    not_watched: Mapping[str, str] = field(default_factory=dict)
    _known: dict[str, Alias] = field(init=False)
    _unwatched: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self._known = {_canonical_name(alias.source): alias for alias in self.table}
        self._unwatched = frozenset(map(_canonical_name, self.not_watched))

    def find(self, name: str) -> Alias | None:
        """The alias of a source name that is in the table."""
        plain = _canonical_name(name)
        for candidate in (plain, plain.removeprefix(RAY)):
            if candidate in self._unwatched:
                return None
            if (alias := self._known.get(candidate)) is not None:
                return alias
            # Only a time may lose its suffix: `prompt_tokens_seconds` of llama.cpp is no spelling of `prompt_tokens`.
            alias = self._known.get(candidate.removesuffix("_seconds"))
            if alias is not None and alias.unit in _MS:
                return alias
        return None

    def is_left_out(self, name: str) -> bool:
        """Whether a source name is known and left out on purpose."""
        plain = _canonical_name(name)
        return plain in self._unwatched or plain.removeprefix(RAY) in self._unwatched

    def fallback(self, name: str, kind: Kind, unit: str) -> Alias | None:
        """The alias of a source name that is not in the table; None for one that is dropped. unit: '' for none."""
        if self.unknown == "drop" or self.is_left_out(name):
            return None
        return passthrough(name, kind, unit)


def passthrough(name: str, kind: Kind, unit: str) -> Alias:
    """An alias to the metric's own name, with suffix `_ms` for times and `_per_s` for the rates of counters."""
    plain = name.removesuffix("_total").removesuffix("_seconds")
    timed = unit in _MS or name.removesuffix("_total").endswith("_seconds")
    declared: Unit = "s" if timed else "1"
    suffix = "_ms" if timed and not plain.endswith("_ms") else ""
    metric = f"{plain}{suffix}" + ("_per_s" if kind == "counter" else "")
    return Alias(name, "unknown", kind, metric, declared)


def _canonical_name(name: str) -> str:
    return _REWRITTEN.sub("_", name).removesuffix("_total")

"""The category of an incident, from an ordered table of patterns over metric families. The first match wins."""

from __future__ import annotations

from dataclasses import dataclass

from classifiers.evidence.attribution import WHOLE, Attribution, dimension_of, localise
from classifiers.evidence.evidence_table import (
    ABSENCE,
    DEPARTURE,
    GAP,
    MONITORING,
    SOURCE,
    UNREPORTED,
    EvidenceTable,
    Signal,
    deviation_of,
    signal_of,
)
from classifiers.model import Category, Direction
from classifiers.verdict.impact import STALLED


@dataclass(frozen=True, slots=True)
class Pattern:
    """One row of the table.

    needs: signals that must have shifted, with direction. without: signals that must not have. scopes: dimensions of
    the part that is hit, or `all`; empty for any. scope_signals: those of the needed signals from whose metrics the
    scope is read; empty for all of them. stopped: the part must have next to no traffic left; where the whole has none,
    that is the part.
    """

    name: str
    category: Category
    needs: tuple[tuple[Signal, Direction], ...]
    without: tuple[tuple[Signal, Direction], ...] = ()
    scopes: tuple[str, ...] = ()
    scope_signals: tuple[Signal, ...] = ()
    text: str = ""
    stopped: bool = False

    def gives_scope(self, signal: Signal) -> bool:
        """Whether the scope is read from metrics of this signal."""
        return signal in (self.scope_signals or [need for need, _ in self.needs])


PATTERNS: tuple[Pattern, ...] = (
    Pattern("breach", "security", (("breach", "up"),), text="personal data or forbidden content gets out"),
    Pattern("attack", "security", (("attack", "up"),), text="requests try what they may not, and are turned away"),
    Pattern(
        "stalled_replica", "availability", ((ABSENCE, "down"),), (), ("replica",),
        text="no requests are reported from this replica any more, while others go on",
    ),
    Pattern("no_data", "availability", ((ABSENCE, "down"),), text="no requests are reported any more"),
    Pattern(
        "source_lost", "telemetry", ((SOURCE, "down"),),
        text="nothing is reported of any of its services: their monitoring is lost, or all are down",
    ),
    Pattern(
        "unmonitored", "telemetry", ((MONITORING, "down"),),
        text="nothing is reported of it any more: its exporter or collector is lost, or it is down",
    ),
    Pattern(
        "perhaps_lost", "availability", ((DEPARTURE, "down"),),
        text="no requests are reported from this replica any more, and nothing shows whether others serve them",
    ),
    Pattern("bad_input", "data_quality", (("inputs", "up"),), text="inputs are not as they were"),
    Pattern("lost_context", "context_pipeline", (("context", "down"),), text="answers get less of the right context"),
    Pattern("cut_context", "context_pipeline", (("truncation", "up"),), text="context is cut off"),
    Pattern(
        STALLED, "availability", (("queueing", "up"),),
        text="requests come in, and none is answered", stopped=True,
    ),
    Pattern(
        "saturation", "resource_exhaustion", (("traffic", "up"), ("queueing", "up")), scope_signals=("traffic",),
        text="more requests than before, and they queue",
    ),
    Pattern(
        "traffic_surge", "resource_exhaustion", (("traffic", "up"),), (("quality", "down"), ("tokens_out", "up")),
        text="more requests than before",
    ),
    Pattern(
        "runaway_generation", "resource_exhaustion", (("tokens_out", "up"),), (("quality", "down"),),
        text="completions grew while quality did not fall",
    ),
    Pattern(
        "context_overflow", "context_pipeline", (("tokens_in", "up"),), (), ("tenant",),
        text="one tenant's prompts grew",
    ),
    Pattern("input_drift", "data_quality", (("quality", "down"),), (), ("tenant",), text="quality fell for one tenant"),
    Pattern(
        "silent_quality_loss", "model_degradation", (("quality", "down"),),
        (("latency", "up"), ("decode", "up"), ("errors", "up")), text="quality fell while nothing became slower",
    ),
    Pattern("quality_loss", "model_degradation", (("quality", "down"),), text="quality fell"),
    Pattern("cache_lost", "context_pipeline", (("cache", "down"),), text="the prefix cache is hit less often"),
    Pattern("input_growth", "resource_exhaustion", (("tokens_in", "up"),), text="prompts grew everywhere"),
    Pattern("input_shrink", "context_pipeline", (("tokens_in", "down"),), text="prompts shrank"),
    Pattern(
        "failures", "availability", (("errors", "up"),),
        (("queueing", "up"), ("decode", "up"), ("first_token", "up"), ("latency", "up")),
        text="the share of failed requests rose",
    ),
    Pattern(
        "shared_contention", "performance_degradation", (("decode", "up"),), (), ("all",),
        text="every token takes longer, on all alike",
    ),
    Pattern("slow_decoding", "performance_degradation", (("decode", "up"),), text="every token takes longer"),
    Pattern(
        "queueing", "resource_exhaustion", (("queueing", "up"),),
        text="requests queue while tokens take as long as before",
    ),
    Pattern("slow_start", "performance_degradation", (("first_token", "up"),), text="first tokens take longer"),
    Pattern("slow", "performance_degradation", (("latency", "up"),), text="requests take longer"),
    Pattern("late_failures", "availability", (("errors", "up"),), text="the share of failed requests rose"),
    Pattern("surge", "resource_exhaustion", (("traffic", "up"),), text="more requests than before"),
    Pattern("truncated", "model_degradation", (("tokens_out", "down"),), text="completions shrank"),
    Pattern("traffic_loss", "availability", (("traffic", "down"),), text="fewer requests than before"),
    Pattern("saturated", "resource_exhaustion", (("saturation", "up"),), text="the batch is fuller than before"),
    Pattern("gaps", "data_quality", ((GAP, "down"),), text="a metric is not reported any more"),
)
STOPPED = -0.9
"""Relative deviation of the traffic from which on it counts as stopped."""
UNCLEAR = Pattern("unclear", "performance_degradation", (), text="this fits no known kind of fault")


def categorise(
    evidence: EvidenceTable, concentration_min: float, part: Attribution | None = None,
) -> tuple[Pattern, Attribution]:
    """The first pattern that fits, and the part that stands out on its metrics.

    The part is read from the pattern's own metrics and not from all that alarm. For instance long prompts of one tenant
    delay the requests of all tenants, and only the prompt metric shows which tenant it is. `UNCLEAR` uses all metrics.
    part: the part that is hit, where it is known; None where it is read from the evidence.
    """
    weights = evidence.metric_weights()
    signals = {metric: _signal(evidence, metric) for metric in weights}
    moved = set(signals.values())
    for pattern in PATTERNS:
        if not moved.issuperset(pattern.needs) or not moved.isdisjoint(pattern.without):
            continue
        own = {
            metric: weight for metric, weight in weights.items()
            if signals[metric] in pattern.needs and pattern.gives_scope(signals[metric][0])
        }
        attribution = localise(evidence, own, concentration_min) if part is None else part
        if pattern.stopped:
            attribution = WHOLE if _has_stopped(evidence, WHOLE) else attribution
            if not _has_stopped(evidence, attribution):
                continue
        if not pattern.scopes or (attribution.dimension or "all") in pattern.scopes:
            return pattern, attribution
    return UNCLEAR, localise(evidence, weights, concentration_min) if part is None else part


def _has_stopped(evidence: EvidenceTable, part: Attribution) -> bool:
    """Whether a part had next to no traffic left at its worst, and the traffic alarmed for it: there or as a whole."""
    traffic = {key: series for key, series in evidence.series.items() if signal_of(key[0]) == "traffic"}
    return any(series.alarms for series in traffic.values()) and any(
        min(series.deviation, deviation_of(series.peak)) <= STOPPED for (_, scope), series in traffic.items()
        if dimension_of(scope) == part.dimension
        and (part.dimension is None or getattr(scope, part.dimension) == part.value)
    )


def _signal(evidence: EvidenceTable, metric: str) -> tuple[Signal, Direction]:
    signal = signal_of(metric)
    return signal, "down" if signal in UNREPORTED else evidence.direction(metric)

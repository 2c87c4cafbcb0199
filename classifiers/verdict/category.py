"""What kind of incident it is: an ordered table of patterns over metric families, first match wins."""

from __future__ import annotations

from dataclasses import dataclass

from classifiers.evidence.attribution import Attribution, localise
from classifiers.evidence.evidence_table import ABSENCE, GAP, EvidenceTable, Signal, signal_of
from classifiers.model import Category, Direction


@dataclass(frozen=True, slots=True)
class Pattern:
    """Families that must have moved, and how; families that must not have; scopes it holds for (empty: any); those of
    the needed families that say whose fault it is (empty: all).
    """

    name: str
    category: Category
    needs: tuple[tuple[Signal, Direction], ...]
    without: tuple[tuple[Signal, Direction], ...] = ()
    scopes: tuple[str, ...] = ()
    blames: tuple[Signal, ...] = ()
    text: str = ""

    def speaks_of(self, signal: Signal) -> bool:
        """Whether the scope is read from metrics of this signal."""
        return signal in (self.blames or [need for need, _ in self.needs])


PATTERNS: tuple[Pattern, ...] = (
    Pattern("breach", "security", (("breach", "up"),), text="personal data or forbidden content gets out"),
    Pattern("attack", "security", (("attack", "up"),), text="requests try what they may not, and are turned away"),
    Pattern(
        "stalled_replica", "availability", ((ABSENCE, "down"),), (), ("replica",),
        text="a replica that reported steadily went silent while others go on",
    ),
    Pattern("no_data", "availability", ((ABSENCE, "down"),), text="a scope that reported steadily went silent"),
    Pattern("bad_input", "data_quality", (("inputs", "up"),), text="inputs are not as they were"),
    Pattern("lost_context", "context_pipeline", (("context", "down"),), text="answers get less of the right context"),
    Pattern("cut_context", "context_pipeline", (("truncation", "up"),), text="context is cut off"),
    Pattern(
        "saturation", "resource_exhaustion", (("traffic", "up"), ("queueing", "up")), blames=("traffic",),
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
UNCLEAR = Pattern("unclear", "performance_degradation", (), text="no known pattern; named by its loudest metric")


def categorise(
    tally: EvidenceTable, concentration_min: float, part: Attribution | None = None,
) -> tuple[Pattern, Attribution]:
    """The first pattern that fits, and the scope that stands out on the metrics it speaks of.

    The scope is read from the pattern's own metrics and not from all that alarm: long prompts of one tenant make
    everybody's requests slower, and only the prompts say whose they are. `UNCLEAR` speaks of all. part: what is known
    to be hit, None where the tally has to say it.
    """
    weights = tally.drivers()
    signals = {metric: _signal(tally, metric) for metric in weights}
    moved = set(signals.values())
    for pattern in PATTERNS:
        if not moved.issuperset(pattern.needs) or not moved.isdisjoint(pattern.without):
            continue
        own = {
            metric: weight for metric, weight in weights.items()
            if signals[metric] in pattern.needs and pattern.speaks_of(signals[metric][0])
        }
        blame = localise(tally, own, concentration_min) if part is None else part
        if not pattern.scopes or (blame.dimension or "all") in pattern.scopes:
            return pattern, blame
    return UNCLEAR, localise(tally, weights, concentration_min) if part is None else part


def _signal(tally: EvidenceTable, metric: str) -> tuple[Signal, Direction]:
    signal = signal_of(metric)
    return signal, "down" if signal in (ABSENCE, GAP) else tally.direction(metric)

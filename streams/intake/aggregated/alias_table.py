"""The alias table: one row for each metric name of a serving stack, and the names that are left out, with reasons.

The rows are in `engine_aliases.py` and `gateway_aliases.py`, what is left out in `not_watched.py`. As of November 2026:
vLLM 0.33 and SGLang 0.5.23 (their metric collectors), TGI, Triton and NIM (their metric references; TGI is in
maintenance), TensorRT-LLM, LMDeploy 0.16, llama.cpp, TEI 1.9, Ray Serve 2.60, KServe 0.21, Dynamo, the Gateway API
Inference Extension, LiteLLM 1.109 (source), and the OpenTelemetry semantic conventions for generative AI, which are in
development: hence a table and not their constants. The Envoy AI Gateway exports the latter. Ollama exports nothing.
"""

from __future__ import annotations

from streams.intake.aggregated.aliases import Alias
from streams.intake.aggregated.engine_aliases import ENGINES
from streams.intake.aggregated.gateway_aliases import GATEWAYS
from streams.intake.aggregated.instant import QUANTILES, RATES, RATIOS
from streams.intake.aggregated.not_watched import NOT_WATCHED

__all__ = ["METRICS", "NOT_WATCHED", "TABLE", "metrics_of"]

TABLE: tuple[Alias, ...] = (*ENGINES, *GATEWAYS)


def metrics_of(alias: Alias) -> frozenset[str]:
    """Our metrics that a row gives, alone or with the rows that give the other total of a ratio."""
    chosen = [] if alias.by is None else list(alias.by.value.values())
    direct = {metric for metric in (alias.metric, *(metric for metric, _ in chosen)) if metric is not None}
    totals = {*alias.totals, *(total for _, totals in chosen for total in totals)}
    if alias.kind in ("histogram", "summary"):
        direct |= {metric + suffix for metric in direct for suffix in QUANTILES}
    ratios = {metric for metric, *parts, _ in RATIOS if totals & set(parts)}
    return frozenset(direct | ratios | {metric for metric, total in RATES if total in totals})


METRICS = frozenset[str]().union(*map(metrics_of, TABLE))
"""All metrics that aggregated inputs give, but for unknown ones where an input passes them."""

"""Profiles: which deviations count for a kind of metric, and the profiles shipped for LLM serving.

The shipped `config/default.yaml` mirrors `DEFAULT_PROFILES`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Literal

from detectors.regex import matches

Watch = Literal["up", "down", "both"]
Scale = Literal["linear", "log", "sqrt"]
Sampling = Literal["per_request", "pre_aggregated"]

LABELS = ("service", "model", "version", "replica", "tenant")
_UNLABELLED: Mapping[str, str | None] = MappingProxyType({})

ENSEMBLES: dict[Sampling, tuple[str, ...]] = {
    "per_request": ("robust_location", "cusum"),
    "pre_aggregated": ("block_maxima", "range_novelty", "art"),
}
"""The detectors of a profile that names none. Windows of requests are many and have a spread of their own. Values that
arrive aggregated are few, one per window, with days and weeks in them: their level is that of `block_maxima`, and the
detectors of novelty beside it give novelty alone (decision 0015)."""


@dataclass(frozen=True, slots=True)
class Profile:
    """How the series of some metrics are scored.

    metrics: regular expression (RE2) over whole metric names; a series has the first profile that fits. direction:
    which deviations count. min_abs, min_rel: a deviation from the expected value counts only from both on, in the
    metric's unit and as a share of the expected value. min_share: in place of min_abs where the value is a share of a
    known number of trials, which then `binomial_cusum` judges; None for min_abs. scale: in which values are scored; log
    is for positive metrics that vary by factors, sqrt for counts; in both, values below `floor` count as `floor`. low,
    high: limits that alarm at once, None for none. sampling: whether windows consist of requests or hold one value that
    was aggregated before; None for that of the series' input, requests by default. detectors: catalogue names, None for
    the ensemble of the sampling; `static_limits` always runs. warm_up: windows before the learned detectors have a
    level. token_budget: tokens that a `token_burn` period may cost, None for none. labels: globs that the series'
    labels must match too, by label name (one of `LABELS`); a label that the series does not have matches no glob.
    Raises `ValueError`.
    """

    name: str
    metrics: str
    direction: Watch = "both"
    min_abs: float = 0.0
    min_rel: float = 0.1
    scale: Scale = "linear"
    floor: float = 1e-3
    low: float | None = None
    high: float | None = None
    sampling: Sampling | None = None
    detectors: tuple[str, ...] | None = None
    warm_up: int = 30
    token_budget: float | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    min_share: float | None = None

    def __post_init__(self) -> None:
        for name, least in (("min_abs", 0.0), ("min_rel", 0.0), ("warm_up", 1)):
            if not getattr(self, name) >= least:
                raise ValueError(f"Profile.{name}: {getattr(self, name)} in {self.name!r}, expected at least {least:g}")
        if self.min_share is not None and not self.min_share >= 0.0:
            raise ValueError(f"Profile.min_share: {self.min_share} in {self.name!r}, expected at least 0")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"Profile.low: {self.low:g} in {self.name!r}, expected less than high ({self.high:g})")
        unknown = sorted(set(self.labels) - set(LABELS))
        if unknown:
            raise ValueError(f"Profile.labels: {unknown} in {self.name!r}, expected labels among {', '.join(LABELS)}")

    def fits(self, metric: str, labels: Mapping[str, str | None]) -> bool:
        """Whether the profile is for this metric of a series with these labels."""
        if not matches(self.metrics, metric):
            return False
        return all(
            (value := labels.get(name)) is not None and fnmatchcase(value, glob) for name, glob in self.labels.items()
        )

    @property
    def ensemble(self) -> tuple[str, ...]:
        """The catalogue names of its detectors."""
        if self.detectors is not None:
            return self.detectors
        of_sampling = ENSEMBLES[self.sampling or "per_request"]
        return of_sampling if self.min_share is None else (*of_sampling, "binomial_cusum")

    @property
    def aggregated(self) -> Profile:
        """The variant for inputs whose values arrive aggregated; itself when it names a sampling."""
        return self if self.sampling is not None else replace(self, sampling="pre_aggregated")


def profile_index(
    metric: str, profiles: Sequence[Profile], labels: Mapping[str, str | None] = _UNLABELLED,
) -> int | None:
    """The index of the first profile that fits a metric of a series with these labels; None when none does."""
    return next((at for at, profile in enumerate(profiles) if profile.fits(metric, labels)), None)


DEFAULT_PROFILES = (
    Profile("errors", r"error|.*error_rate|.*failure_rate", "up", min_abs=0.05, min_rel=0.0, min_share=0.005),
    Profile(
        "guardrails",
        r".*(guardrail|policy|injection|jailbreak|toxic|moderation|unauthori|auth_fail|pii|leak).*",
        "up", min_abs=0.1, min_rel=0.0, min_share=0.02,
    ),
    Profile("input_checks", r".*(schema|invalid|malformed|drift).*", "up", min_abs=0.1, min_rel=0.3, min_share=0.03),
    Profile("truncation", r".*truncat.*", "up", min_abs=0.1, min_rel=0.0, min_share=0.03),
    Profile("retrieval", r".*(retrieval|hit_rate|relevance|precision|recall|grounded).*", "down", 0.05, 0.1),
    Profile(
        "seconds", r".*(_seconds|(latency|duration|_time|first_token|per_output_token|ttft|tpot|itl|queue)_s)(_p\d+)?",
        "up", 0.02, 0.25, "log", floor=0.001,
    ),
    Profile(
        "inter_token", r"(tpot|itl)_ms(_p\d+)?|.*inter_token.*|.*per_output_token.*", "up", 1.0, 0.2, "log", floor=0.1,
    ),
    Profile("queueing", r"(queue|ttft)_ms(_p\d+)?|.*queue_time.*|.*first_token.*", "up", 20.0, 0.5, "log", floor=1.0),
    Profile("latency", r".*_ms(_p\d+)?|.*latency.*|.*duration.*", "up", 20.0, 0.25, "log", floor=1.0),
    Profile("confidence", r"confidence|.*_confidence|.*score", "down", 0.02, 0.05),
    Profile("logprob", r".*logprob.*", "down", 0.1, 0.1),
    Profile("tokens", r".*_tokens(_p\d+)?", "both", 5.0, 0.25, "log", floor=1.0),
    Profile("saturation", r"batch_active|.*running.*", "up", 4.0, 0.5, "log", floor=1.0),
    Profile("backlog", r"queue_depth|.*waiting.*|.*pending.*", "up", 5.0, 0.5),
    Profile("occupancy", r"kv_cache_usage|.*_utilization", "up", 0.1, 0.2),
    Profile("cache", r".*_reuse|.*_acceptance", "down", 0.1, 0.2, min_share=0.1),
    Profile("faulty", r"corrupted_share|repetition_share", "up", 0.02, 0.0, min_share=0.01),
    Profile("rate", r"requests_per_s|.*_per_s", "both", 2.0, 0.5, "sqrt", floor=0.25),
    Profile("any", r".*", "both", 0.0, 0.2),
)
"""For LLM serving, units as in the native record (ms, tokens, nats, shares), and times that are named as seconds."""

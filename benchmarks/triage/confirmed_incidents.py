"""Incidents that an operator confirmed: many small faults through the real triage, and operators who label them.

Faults are drawn from a table of metrics and scopes. The rules judge the readings, and an operator, who may have a
policy of their own, says what the severity should have been, sometimes by mistake. The same seed gives the same stream.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from classifiers.directives import Feedback
from classifiers.incidents.params import TriageParams
from classifiers.incidents.triage import Triage
from classifiers.learning.features import features
from classifiers.model import Anomaly, Category, Direction, Incident, Scope, Severity
from classifiers.verdict.hysteresis import SEVERITY_ORDER

SERVICE = ("chat", "gpt")
SCOPES = tuple(
    Scope(*SERVICE, **{dimension: name})
    for dimension, names in (("replica", ("r0", "r1", "r2")), ("tenant", ("a", "b", "c"))) for name in names
)
WHOLE = Scope(*SERVICE)
LABEL_NOISE = 0.1
"""Share of labels that are one level off by mistake."""
CONFIRMED_S = 600.0


@dataclass(frozen=True, slots=True)
class Fault:
    """The metrics that move, as shares of the expected value; only: the dimensions that it can be confined to."""

    moves: Mapping[str, tuple[float, float]]
    only: tuple[str, ...] = ("all", "replica", "tenant")


FAULTS: tuple[Fault, ...] = (
    Fault({"confidence": (-0.7, -0.2)}),
    Fault({"tpot_ms": (0.4, 3.0), "latency_ms": (0.4, 3.0)}),
    Fault({"requests_per_s": (0.6, 2.0), "queue_ms": (1.0, 8.0), "latency_ms": (0.5, 4.0)}, ("all",)),
    Fault({"error": (0.2, 0.9)}),
    Fault({"prompt_tokens": (0.5, 3.0)}, ("tenant",)),
    Fault({"completion_tokens": (0.4, 2.0), "latency_ms": (0.3, 2.0)}),
    Fault({"confidence": (-0.5, -0.2), "latency_ms": (0.4, 2.0)}),
)
Operator = Callable[[Incident, random.Random], Severity]


def incidents(seed: int) -> Iterator[Incident]:
    """An endless stream of resolved incidents as the rules judge them. About 3 ms each."""
    rng = random.Random(seed)
    for number in count():
        tier = rng.choice((1, 2, 3))
        triage = Triage(TriageParams(), lambda _, tier=tier: tier, "benchmark")  # type: ignore[misc]
        yield _one(triage, rng, 10_000.0 * (1 + number))


def agrees_with_rules(incident: Incident, rng: random.Random) -> Severity:
    """Agrees with the rules, except for label noise."""
    return _noisy(incident.peak_severity, rng)


def own_policy(incident: Incident, rng: random.Random) -> Severity:
    """Rates incidents of a tenant worse than the rules do, and slowness milder."""
    slow: tuple[Category, ...] = ("performance_degradation", "resource_exhaustion")
    moved = -1 if incident.tenant is not None else 1 if incident.category in slow else 0
    return _noisy(_moved(incident.peak_severity, moved), rng)


def random_labels(_: Incident, rng: random.Random) -> Severity:
    """Labels at random."""
    return rng.choice(SEVERITY_ORDER)


def confirmed_incidents(seed: int, operators: Sequence[tuple[int, Operator]]) -> Iterator[tuple[Incident, Feedback]]:
    """Incidents and their feedback; each operator in turn labels the given number."""
    rng = random.Random(seed + 1_000_003)
    stream = enumerate(incidents(seed))
    for amount, operator in operators:
        for _ in range(amount):
            number, incident = next(stream)
            severity = operator(incident, rng)
            assert incident.resolved_at_s is not None
            yield incident, Feedback(
                f"f{number}", incident.id, "operator", incident.resolved_at_s + CONFIRMED_S, incident.category,
                severity, True, features(incident), incident.resolved_at_s - incident.onset_at_s,
            )


def _one(triage: Triage, rng: random.Random, start_s: float) -> Incident:
    fault = rng.choice(FAULTS)
    where = rng.choice(fault.only)
    hit = [one for one in SCOPES if where != "all" and getattr(one, where) is not None]
    confined = rng.choice(hit) if hit else None
    size = {metric: rng.uniform(*bounds) for metric, bounds in fault.moves.items()}
    alarming_s, published = rng.randint(3, 12), []
    for second in range(alarming_s + 12):
        now_s = start_s + second
        alarming = second < alarming_s
        readings = [
            _reading(scope, metric, now_s, _share(scope, confined) * change if alarming else 0.0, rng)
            for metric, change in size.items() for scope in (WHOLE, *SCOPES)
        ]
        published += triage.observe(SERVICE, now_s, readings)
    return published[-1].incident


def _share(scope: Scope, confined: Scope | None) -> float:
    """The share of a fault that a scope shows: all of it, or less where it is diluted."""
    return 1.0 if confined is None or scope == confined else 0.33 if scope == WHOLE else 0.1


def _reading(scope: Scope, metric: str, now_s: float, change: float, rng: random.Random) -> Anomaly:
    expected = 0.02 if metric == "error" else 100.0
    value = (expected + change if metric == "error" else expected * (1.0 + change)) * (1.0 + rng.gauss(0.0, 0.02))
    direction: Direction = "up" if change > 0 else "down" if change < 0 else "none"
    level = 0.1 if change == 0.0 else min(8.0, 0.3 + 6.0 * abs(change))
    return Anomaly(
        scope, metric, "robust_location", now_s - 1.0, now_s, value, expected, level, direction, 20, now_s - 1.0, 1.0,
    )


def _moved(severity: Severity, levels: int) -> Severity:
    return SEVERITY_ORDER[max(0, min(len(SEVERITY_ORDER) - 1, SEVERITY_ORDER.index(severity) + levels))]


def _noisy(severity: Severity, rng: random.Random) -> Severity:
    return _moved(severity, rng.choice((-1, 1))) if rng.random() < LABEL_NOISE else severity

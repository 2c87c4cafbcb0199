"""Figures over event results: confusion matrices, macro-F1, weighted kappa, and shares of what was right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sklearn.metrics import cohen_kappa_score, f1_score  # type: ignore[import-untyped]

from benchmarks.triage.generator.labels import SEVERITIES, Label
from benchmarks.triage.generator.scenario import CATEGORIES
from benchmarks.triage.match import EventResult, Match, reach_of
from classifiers.model import Incident

HIDING = 0.5
"""Share of requests lost to one fault of a pair from which on the other fault cannot be expected to be found."""
NOTHING = "nothing"
"""The truth of a false incident, and the answer to a missed fault."""
Confusion = Mapping[tuple[str, str], int]
"""Counts by (truth, answer)."""
BARS: dict[str, tuple[float, bool]] = {
    "category, macro-F1": (0.85, True), "severity, weighted kappa": (0.80, True), "pairs kept apart": (0.90, True),
    "duplicates per event": (0.3, False),
}
"""What must be reached, and whether more is better."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of some runs. shares: by name, None where there was nothing to count."""

    category: Confusion
    severity: Confusion
    shares: Mapping[str, float | None]

    def misses(self) -> list[str]:
        """The bars that are not reached."""
        return [
            name for name, (bar, more) in BARS.items()
            if (value := self.shares[name]) is None or (value < bar if more else value > bar)
        ]


def figures(results: Sequence[EventResult], false: Sequence[Incident], hours: float) -> Figures:
    """All figures. hours: of service time watched. Flapping faults count in their own share and nowhere else."""
    plain = [result for result in results if result.event.shape != "flapping"]
    matches = [match for result in plain for match in result.matches]
    category, severity = _confusions(matches, false)
    return Figures(category, severity, {
        "faults found": _share([match.incident is not None for match in matches]),
        "category, macro-F1": macro_f1(category),
        "category right, of found": _share(_agree(matches, lambda one: one.category, lambda one: one.category)),
        "severity, weighted kappa": weighted_kappa(severity),
        "severity right, of found": _share(_agree(matches, lambda one: one.severity, lambda one: one.peak_severity)),
        "scope right, of found": _share(_agree(matches, lambda one: one.reach, reach_of)),
        "duplicates per event": sum(len(result.duplicates) for result in plain) / len(plain) if plain else None,
        "pairs kept apart": _share([
            all(match.fits for match in result.matches) for result in plain
            if result.event.shape == "pair" and not _hides(result)
        ]),
        "cascades reported as one": _share([
            _found(result) and not result.callers for result in plain if result.event.shape == "cascade"
        ]),
        "flapping reported as one": _share([
            _found(result) and _linked(result) for result in results if result.event.shape == "flapping"
        ]),
        "false incidents per hour": len(false) / hours,
    })


def macro_f1(confusion: Confusion) -> float | None:
    """Mean of the categories' F1; a missed fault counts against recall, a false incident against precision."""
    present = [name for name in CATEGORIES if any(truth == name for truth, _ in confusion)]
    if not present:
        return None
    truths, answers = zip(*confusion, strict=True)
    weights = list(confusion.values())
    return float(f1_score(truths, answers, labels=present, average="macro", sample_weight=weights))


def weighted_kappa(confusion: Confusion) -> float | None:
    """Cohen's kappa with quadratic weights over P0 to P4, of what was found (Cohen 1968)."""
    counts = {pair: count for pair, count in confusion.items() if NOTHING not in pair}
    if not counts:
        return None
    truths, answers = zip(*counts, strict=True)
    if len({*truths, *answers}) == 1:
        return 1.0
    weights = list(counts.values())
    return float(cohen_kappa_score(truths, answers, labels=SEVERITIES, weights="quadratic", sample_weight=weights))


def _confusions(matches: Sequence[Match], false: Sequence[Incident]) -> tuple[Confusion, Confusion]:
    category: Counter[tuple[str, str]] = Counter()
    severity: Counter[tuple[str, str]] = Counter()
    for match in matches:
        incident = match.incident
        category[match.label.category, NOTHING if incident is None else incident.category] += 1
        severity[match.label.severity, NOTHING if incident is None else incident.peak_severity] += 1
    for incident in false:
        category[NOTHING, incident.category] += 1
        severity[NOTHING, incident.peak_severity] += 1
    return category, severity


def _agree(
    matches: Sequence[Match], truth: Callable[[Label], object], answer: Callable[[Incident], object],
) -> list[bool]:
    """Of the faults that were found, whether the incident says what the label says."""
    return [truth(match.label) == answer(match.incident) for match in matches if match.incident is not None]


def _found(result: EventResult) -> bool:
    return result.matches[0].incident is not None


def _hides(result: EventResult) -> bool:
    """Whether one fault of a pair lost so many requests that little is left to measure the other one by."""
    return max(match.label.harm.lost for match in result.matches) >= HIDING


def _linked(result: EventResult) -> bool:
    """Whether every further incident of an event names another one of the event as the one that it reopens."""
    first = result.matches[0].incident
    known = {incident.id for incident in result.duplicates} | ({first.id} if first is not None else set())
    return all(
        any(one.relation == "reopens" and one.id in known for one in incident.related)
        for incident in result.duplicates
    )


def _share(right: Sequence[bool]) -> float | None:
    return sum(right) / len(right) if right else None

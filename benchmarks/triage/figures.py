"""Figures over accounts: confusion matrices, macro-F1, weighted kappa, and shares of what was told right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.triage.generator.labels import SEVERITIES
from benchmarks.triage.generator.scenario import CATEGORIES
from benchmarks.triage.match import Account, reach_of
from classifiers.model import Incident
from detectors.base import FloatArray

HIDING = 0.5
"""Share of requests lost to one fault from which on the other of a pair need not be seen."""
NOTHING = "nothing"
"""The truth of a false incident, and the answer to a missed fault."""
Confusion = Mapping[tuple[str, str], int]
"""Counts by (truth, told)."""
BARS: dict[str, tuple[float, bool]] = {
    "category, macro-F1": (0.85, True), "severity, weighted kappa": (0.80, True), "pairs kept apart": (0.90, True),
    "duplicates per event": (0.3, False),
}
"""What must be reached, and whether more is better."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of some runs. shares: by name, None where there was nothing to count."""

    category: Confusion
    severity: Confusion
    shares: Mapping[str, float | None]

    def misses(self) -> list[str]:
        """The bars that are not reached."""
        return [
            name for name, (bar, more) in BARS.items()
            if (value := self.shares[name]) is None or (value < bar if more else value > bar)
        ]


def figures(accounts: Sequence[Account], false: Sequence[Incident], hours: float) -> Figures:
    """All figures. hours: of service time watched. Flapping faults count where flapping is asked for, no place else."""
    plain = [account for account in accounts if account.event.shape != "flapping"]
    told = [one for account in plain for one in account.told]
    found = [(one.label, one.incident) for one in told if one.incident is not None]
    category: dict[tuple[str, str], int] = {}
    severity: dict[tuple[str, str], int] = {}
    for one in told:
        answer = NOTHING if one.incident is None else one.incident.category
        _count(category, one.label.category, answer)
        _count(severity, one.label.severity, NOTHING if one.incident is None else one.incident.peak_severity)
    for incident in false:
        _count(category, NOTHING, incident.category)
        _count(severity, NOTHING, incident.peak_severity)
    pairs = [account for account in plain if account.event.shape == "pair" and not _hidden(account)]
    cascades = [account for account in plain if account.event.shape == "cascade"]
    flapping = [account for account in accounts if account.event.shape == "flapping"]
    shares = {
        "faults found": _share([one.incident is not None for one in told]),
        "category, macro-F1": macro_f1(category),
        "category right, of found": _share([label.category == incident.category for label, incident in found]),
        "severity, weighted kappa": weighted_kappa(severity),
        "severity right, of found": _share([label.severity == i.peak_severity for label, i in found]),
        "scope right, of found": _share([label.reach == reach_of(incident) for label, incident in found]),
        "duplicates per event": sum(len(account.twice) for account in plain) / len(plain) if plain else None,
        "pairs kept apart": _share([all(one.fits for one in account.told) for account in pairs]),
        "cascades told as one": _share([_told(account) and not account.callers for account in cascades]),
        "flapping told as one story": _share([_told(account) and _linked(account) for account in flapping]),
        "false incidents per hour": len(false) / hours,
    }
    return Figures(category, severity, shares)


def macro_f1(confusion: Confusion) -> float | None:
    """Mean of the categories' F1; a missed fault counts against recall, a false incident against precision."""
    scores = []
    for name in CATEGORIES:
        right = confusion.get((name, name), 0)
        truth = sum(count for (true, _), count in confusion.items() if true == name)
        told = sum(count for (_, answer), count in confusion.items() if answer == name)
        if truth:
            scores.append(2.0 * right / (truth + told))
    return float(np.mean(scores)) if scores else None


def weighted_kappa(confusion: Confusion) -> float | None:
    """Cohen's kappa with quadratic weights over P0 to P4, of what was found (Cohen 1968)."""
    size = len(SEVERITIES)
    seen: FloatArray = np.array([[float(confusion.get((a, b), 0)) for b in SEVERITIES] for a in SEVERITIES])
    if not seen.sum():
        return None
    step = np.arange(size)
    weight = (step[:, None] - step[None, :]) ** 2 / (size - 1) ** 2
    chance = np.outer(seen.sum(axis=1), seen.sum(axis=0)) / seen.sum()
    by_chance = float((weight * chance).sum())
    return 1.0 - float((weight * seen).sum()) / by_chance if by_chance else 1.0


def _told(account: Account) -> bool:
    return account.told[0].incident is not None


def _hidden(account: Account) -> bool:
    """Whether one fault of a pair took away so many answers that little is left to measure the other by."""
    return max(one.label.harm.lost for one in account.told) >= HIDING


def _linked(account: Account) -> bool:
    """Whether every further incident of an event names another of its own as the one that it is again."""
    first = account.told[0].incident
    known = {incident.id for incident in account.twice} | ({first.id} if first is not None else set())
    return all(
        any(one.relation == "reopens" and one.id in known for one in incident.related) for incident in account.twice
    )


def _share(right: Sequence[bool]) -> float | None:
    return sum(right) / len(right) if right else None


def _count(confusion: dict[tuple[str, str], int], truth: str, told: str) -> None:
    confusion[truth, told] = confusion.get((truth, told), 0) + 1

"""What the advisor learns, and whether it is trusted when it should be: advisor and rules over streams of feedback.

`python -m benchmarks.triage.learning [--seeds N] [--incidents N] [--smoke] [--json FILE]`. A case is a sequence of
operators, run with `N` seeds on which nothing was tuned. The shares are of severities that agree with the operator,
each computed before the feedback was known: by the rules, by the advisor, and as published. Below, how often the
forecast of the time to resolve held, on times of a known distribution. Exits 1 where a bar is missed. Deterministic;
about 5 s per seed.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
from rich.table import Table

from benchmarks.broker.rig import console
from benchmarks.triage.confirmed_incidents import (
    Operator,
    agrees_with_rules,
    confirmed_incidents,
    own_policy,
    random_labels,
)
from classifiers.learning.advisor import Advisor
from classifiers.learning.forecast import MIN_INCIDENTS, interval
from classifiers.learning.prequential import LearningParams

FIRST_SEED = 100
SEEDS, SMOKE_SEEDS = 10, 2
INCIDENTS = 400
DRAWS = 4000


@dataclass(frozen=True, slots=True)
class OperatorCase:
    """Operators in turn, each for the same number of incidents. trusted: whether the advisor should be trusted at the
    end."""

    operators: tuple[Operator, ...]
    trusted: bool


CASES: Mapping[str, OperatorCase] = {
    "agrees with the rules": OperatorCase((agrees_with_rules,), trusted=False),
    "has a policy of their own": OperatorCase((own_policy,), trusted=True),
    "gives their own policy up": OperatorCase((own_policy, agrees_with_rules), trusted=False),
    "labels at random": OperatorCase((random_labels,), trusted=False),
}


@dataclass(slots=True)
class Outcome:
    """One seed of one case. trusted_at, distrusted_at: at which incident the advisor was first trusted, and first
    distrusted again; None for never."""

    incidents: int = 0
    rules: int = 0
    advisor: int = 0
    published: int = 0
    trusted_at: int | None = None
    distrusted_at: int | None = None
    trusted: bool = False


def run_case(case: OperatorCase, incidents: int, seed: int) -> Outcome:
    """Run one case: each incident is judged with what was learned so far, then confirmed."""
    advisor, found = Advisor(LearningParams()), Outcome()
    for incident, feedback in confirmed_incidents(seed, [(incidents, operator) for operator in case.operators]):
        rules, advice = incident.severity, None
        if advisor.feedback_count:
            advice = advisor.advise(incident, rules)
        found.incidents += 1
        found.rules += rules == feedback.severity
        found.advisor += (rules if advice is None else advice.factors[1].value) == feedback.severity
        found.published += (rules if advice is None else advice.severity) == feedback.severity
        advisor.learn(feedback)
        if advisor.severity.trusted and found.trusted_at is None:
            found.trusted_at = found.incidents
        if found.trusted and not advisor.severity.trusted and found.distrusted_at is None:
            found.distrusted_at = found.incidents
        found.trusted = advisor.severity.trusted
    return found


def coverage(count: int, seed: int) -> tuple[float, float]:
    """How often the next time was within the interval of `count` earlier ones, and how often it should have been."""
    rng, held, promised = random.Random(seed), 0, 0.0
    for _ in range(DRAWS):
        forecast = interval(sorted(rng.lognormvariate(5.0, 1.2) for _ in range(count)))
        assert forecast is not None
        held += forecast.low_s <= rng.lognormvariate(5.0, 1.2) <= forecast.high_s
        promised = forecast.confidence
    return held / DRAWS, promised


def failures(outcomes: Mapping[str, Sequence[Outcome]]) -> list[str]:
    """The seeds with the wrong end: trust in a case that must not have it, or no trust where there must be."""
    return [
        f"{name}, seed {FIRST_SEED + number}: {'trusted' if one.trusted else 'not trusted'} in the end"
        for name, seeds in outcomes.items() for number, one in enumerate(seeds) if one.trusted != CASES[name].trusted
    ]


def table(outcomes: Mapping[str, Sequence[Outcome]]) -> Table:
    """One row per case, over its seeds."""
    found = Table(
        "the operator", "rules", "advisor", "published", "ever trusted", "trusted at", "distrusted at", "at the end",
    )
    for name, seeds in outcomes.items():
        count = sum(one.incidents for one in seeds)
        shares = (sum(getattr(one, side) for one in seeds) / count for side in ("rules", "advisor", "published"))
        ever = sum(one.trusted_at is not None for one in seeds)
        end = f"{sum(one.trusted for one in seeds)} trusted"
        places = (_median([one.trusted_at for one in seeds]), _median([one.distrusted_at for one in seeds]))
        found.add_row(name, *(f"{share:.1%}" for share in shares), f"{ever} of {len(seeds)}", *places, end)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, and return 1 where a bar is missed."""
    parser = argparse.ArgumentParser(prog="benchmarks.triage.learning", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"streams per case, by default {SEEDS}")
    parser.add_argument("--incidents", type=int, default=INCIDENTS, help=f"per operator, by default {INCIDENTS}")
    parser.add_argument("--smoke", action="store_true", help=f"{SMOKE_SEEDS} seeds")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args(arguments)
    seeds = range(FIRST_SEED, FIRST_SEED + (SMOKE_SEEDS if options.smoke else options.seeds))
    outcomes = {
        name: [run_case(case, options.incidents, seed) for seed in seeds] for name, case in CASES.items()
    }
    console.print(table(outcomes))
    covered = {count: coverage(count, count) for count in (MIN_INCIDENTS, 20, 50, 200)}
    for count, (held, promised) in covered.items():
        console.print(f"forecast from {count} incidents: held {held:.1%}, promised {promised:.1%}")
    if options.json is not None:
        figures = {"cases": outcomes, "coverage": {str(count): both for count, both in covered.items()}}
        options.json.write_bytes(orjson.dumps(figures))
    missed = failures(outcomes)
    for line in missed:
        console.print(line)
    return 1 if missed else 0


def _median(places: Sequence[int | None]) -> str:
    known = sorted(place for place in places if place is not None)
    return str(known[len(known) // 2]) if known else "-"


if __name__ == "__main__":
    raise SystemExit(main())

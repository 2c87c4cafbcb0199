"""What the advisor learns, and whether it is believed when it should be: it and the rules over streams of feedback.

`python -m benchmarks.triage.learning [--seeds N] [--incidents N] [--smoke] [--json FILE]`. A story is an operator, told
with `N` seeds that nothing was tuned on. Shares are of severities that were as the operator said, each asked before the
answer was known: by the rules, by the advisor, and as the incident would have been told. Below, how often the forecast
of the time to resolve held, on times of a known distribution. Exits 1 where a bar is missed. Deterministic; about 5 s a
seed.
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
from benchmarks.triage.confirmed import Operator, as_the_rules, at_random, confirmed, of_their_own
from classifiers.learning.advisor import Advisor
from classifiers.learning.forecast import LEAST, interval
from classifiers.learning.prequential import LearningParams

FIRST_SEED = 100
SEEDS, SMOKE_SEEDS = 10, 2
INCIDENTS = 400
DRAWS = 4000


@dataclass(frozen=True, slots=True)
class Story:
    """Operators in turn, each for as many incidents. trusted: whether the advisor should be, in the end."""

    operators: tuple[Operator, ...]
    trusted: bool


STORIES: Mapping[str, Story] = {
    "agrees with the rules": Story((as_the_rules,), trusted=False),
    "has a policy of their own": Story((of_their_own,), trusted=True),
    "gives their own policy up": Story((of_their_own, as_the_rules), trusted=False),
    "says anything": Story((at_random,), trusted=False),
}


@dataclass(slots=True)
class Outcome:
    """One seed of one story. won, lost: at which incident trust was, for the first time; None where never."""

    incidents: int = 0
    rules: int = 0
    advisor: int = 0
    told: int = 0
    won: int | None = None
    lost: int | None = None
    trusted: bool = False


def tell(story: Story, incidents: int, seed: int) -> Outcome:
    """One story: each incident is told with what was learned so far, then confirmed."""
    advisor, found = Advisor(LearningParams()), Outcome()
    for incident, said in confirmed(seed, [(incidents, operator) for operator in story.operators]):
        rules, advice = incident.severity, None
        if advisor.learned:
            advice = advisor.advise(incident, rules)
        found.incidents += 1
        found.rules += rules == said.severity
        found.advisor += (rules if advice is None else advice.factors[1].value) == said.severity
        found.told += (rules if advice is None else advice.severity) == said.severity
        advisor.take(said)
        if advisor.severity.trusted and found.won is None:
            found.won = found.incidents
        if found.trusted and not advisor.severity.trusted and found.lost is None:
            found.lost = found.incidents
        found.trusted = advisor.severity.trusted
    return found


def coverage(count: int, seed: int) -> tuple[float, float]:
    """How often the next time was within the interval of `count` earlier ones, and how often that was promised."""
    dice, held, promised = random.Random(seed), 0, 0.0
    for _ in range(DRAWS):
        forecast = interval(sorted(dice.lognormvariate(5.0, 1.2) for _ in range(count)))
        assert forecast is not None
        held += forecast.low_s <= dice.lognormvariate(5.0, 1.2) <= forecast.high_s
        promised = forecast.confidence
    return held / DRAWS, promised


def failures(outcomes: Mapping[str, Sequence[Outcome]]) -> list[str]:
    """What should not be: trust at the end of a story that does not earn it, or none where it does."""
    return [
        f"{name}, seed {FIRST_SEED + number}: {'trusted' if one.trusted else 'not trusted'} in the end"
        for name, told in outcomes.items() for number, one in enumerate(told) if one.trusted != STORIES[name].trusted
    ]


def table(outcomes: Mapping[str, Sequence[Outcome]]) -> Table:
    """A line a story, over its seeds."""
    found = Table("the operator", "rules", "advisor", "as told", "ever trusted", "won at", "fell back at", "in the end")
    for name, told in outcomes.items():
        count = sum(one.incidents for one in told)
        shares = (sum(getattr(one, side) for one in told) / count for side in ("rules", "advisor", "told"))
        ever = sum(one.won is not None for one in told)
        end = f"{sum(one.trusted for one in told)} trusted"
        places = (_median([one.won for one in told]), _median([one.lost for one in told]))
        found.add_row(name, *(f"{share:.1%}" for share in shares), f"{ever} of {len(told)}", *places, end)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, and answer 1 where a bar is missed."""
    parser = argparse.ArgumentParser(prog="benchmarks.triage.learning", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"streams a story, {SEEDS} unless told")
    parser.add_argument("--incidents", type=int, default=INCIDENTS, help=f"by each operator, {INCIDENTS} unless told")
    parser.add_argument("--smoke", action="store_true", help=f"{SMOKE_SEEDS} seeds")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args(arguments)
    seeds = range(FIRST_SEED, FIRST_SEED + (SMOKE_SEEDS if options.smoke else options.seeds))
    outcomes = {
        name: [tell(story, options.incidents, seed) for seed in seeds] for name, story in STORIES.items()
    }
    console.print(table(outcomes))
    covered = {count: coverage(count, count) for count in (LEAST, 20, 50, 200)}
    for count, (held, promised) in covered.items():
        console.print(f"forecast from {count} incidents: held {held:.1%}, promised {promised:.1%}")
    if options.json is not None:
        told = {"stories": outcomes, "coverage": {str(count): both for count, both in covered.items()}}
        options.json.write_bytes(orjson.dumps(told))
    missed = failures(outcomes)
    for line in missed:
        console.print(line)
    return 1 if missed else 0


def _median(places: Sequence[int | None]) -> str:
    known = sorted(place for place in places if place is not None)
    return str(known[len(known) // 2]) if known else "-"


if __name__ == "__main__":
    raise SystemExit(main())

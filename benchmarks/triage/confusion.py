"""Accuracy of triage: confusion matrices over synthetic incidents whose cause, harm and reach are known.

`python -m benchmarks.triage.confusion [--part development|held-out|both] [--runs N] [--smoke] [--publish]`. Each run is
four services for six minutes, with some twelve events. Nothing may be tuned on the held-out part, so run it when
everything else is done. `--publish` writes the page in `docs/`. Exits 1 where a bar is missed. Deterministic; a run
takes about 4 s on one core.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import orjson
from rich.progress import track

from benchmarks.broker.rig import console
from benchmarks.triage.figures import Figures, figures
from benchmarks.triage.generator.scenario import LENGTH_S, Part, Scenario, draw, seeds
from benchmarks.triage.match import EventResult, match_incidents
from benchmarks.triage.naive_baseline import naive_baseline
from benchmarks.triage.page import PAGE, missed, page, tables
from benchmarks.triage.simulate import simulate
from classifiers.incidents.dependencies import Dependency
from classifiers.model import Incident
from config import load
from streams.planning import plan_of
from streams.replay.replay import replay
from streams.shard.plan import Plan

RUNS: Mapping[Part, int] = {"development": 40, "held-out": 100}
"""So many held-out runs that the standard error of the share of pairs kept apart is below 0.02."""
SMOKE_RUNS = 2


def judge(plan: Plan, runs: Sequence[int]) -> tuple[Figures, Figures]:
    """Our figures and those of the naive baseline over the scenarios of these seeds."""
    results: tuple[list[EventResult], list[EventResult]] = ([], [])
    false: tuple[list[Incident], list[Incident]] = ([], [])
    hours = 0.0
    for seed in track(runs, "scenarios", console=console, transient=True):
        simulation = simulate(draw(seed))
        incidents = list(replay(plan_for(plan, simulation.scenario), simulation.values).incidents.values())
        for side, published in enumerate((incidents, naive_baseline(incidents))):
            of_events, of_none = match_incidents(simulation, published)
            results[side].extend(of_events)
            false[side].extend(of_none)
        hours += len(simulation.scenario.services) * LENGTH_S / 3600.0
    return figures(results[0], false[0], hours), figures(results[1], false[1], hours)


def plan_for(plan: Plan, scenario: Scenario) -> Plan:
    """The shipped plan with what an operator would configure: the tiers of the services, and which needs which."""
    tiers = {service.name: service.tier for service in scenario.services}
    needs = tuple(Dependency(one.name, (one.upstream,)) for one in scenario.services if one.upstream is not None)
    return replace(plan, tier_of=tiers.__getitem__, triage=replace(plan.triage, dependencies=needs))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, and return 1 where a bar is missed."""
    parser = argparse.ArgumentParser(prog="benchmarks.triage.confusion", description=__doc__)
    parser.add_argument("--part", choices=("development", "held-out", "both"), default="development")
    parser.add_argument("--runs", type=int, help=f"scenarios per part, by default {dict(RUNS)}")
    parser.add_argument("--smoke", action="store_true", help=f"{SMOKE_RUNS} scenarios of development, no bars")
    parser.add_argument("--publish", action="store_true", help="write the page in docs/ from both parts")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args(arguments)
    parts: tuple[Part, ...] = ("development", "held-out")
    if options.smoke or not (options.publish or options.part == "both"):
        parts = ("development" if options.smoke else options.part,)
    plan = plan_of(load(None, {}))
    count = SMOKE_RUNS if options.smoke else options.runs
    runs = {part: RUNS[part] if count is None else count for part in parts}
    judged: dict[str, tuple[Figures, Figures]] = {part: judge(plan, seeds(part, runs[part])) for part in parts}
    for table in tables(judged):
        console.print(table)
    if options.publish:
        PAGE.write_text(page(judged, runs), encoding="utf-8")
    if options.json is not None:
        shares = {part: dict(ours.shares) for part, (ours, _) in judged.items()}
        options.json.write_bytes(orjson.dumps(shares, option=orjson.OPT_INDENT_2))
    if not options.smoke and any(ours.misses() for ours, _ in judged.values()):
        console.print(f"[bold red]misses a bar[/]: {missed(judged)}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Cost of triage under full load: 10,000 anomalies in 1,000 services at every instant, in one process.

`python -m benchmarks.triage.cost [--smoke] [--json FILE]`. Readings are made in advance and go through triage and
decisions as the pipeline calls them at the end of each window; detectors and Kafka are not measured. An instant may
take what the window and the least lateness leave of the latency budget. The slowest instant, in which every incident
opens, is printed too. CPU time includes the garbage collector, with the worker's thresholds. A pass over the same
readings that only reads each level is measured as well, so that machines compare as ratios.

Three workloads: every service with one cause; every service with ten, each on a replica of its own; and one cause each
in a tree of services, ten to one, so that all but the root's are effects.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import orjson
from rich.table import Table

from benchmarks.broker.rig import console
from classifiers.causes.assignment import AssignAlarms, Assignment, CauseParams, EpisodeView, assign_alarms
from classifiers.incidents.builder import ServiceKey
from classifiers.incidents.dependencies import Dependency
from classifiers.incidents.triage import Triage
from classifiers.model import Anomaly, Scope
from config import load
from streams.planning import plan_of
from streams.shard.decisions import Decider
from streams.shard.directives import ShardDirectives
from streams.shard.event_time import LEAST_LATENESS_S
from streams.shard.plan import Plan

SERVICES, ANOMALIES, REPLICAS = 1_000, 10, 10
METRICS = ("latency_ms", "confidence", "error")
ALARMING, QUIET = 20, 12
"""Instants in which every service alarms, and in which none does: enough to confirm, to clear and to resolve."""
LATENCY_S = 2.5
"""Bar on the time from producing a record to the published incident."""
BAR_US = 50.0
COLLECTOR = (10_000, 20, 50)
Instant = Mapping[ServiceKey, Sequence[Anomaly]]


@dataclass(frozen=True, slots=True)
class Workload:
    """What alarms, and how alarms are attributed to causes. tree: the services need each other, ten need one."""

    name: str
    share: AssignAlarms
    tree: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """CPU seconds of each instant, alarming ones first, and of a bare pass over the readings of one."""

    workload: str
    anomalies: int
    incidents: int
    alarming_s: tuple[float, ...]
    quiet_s: tuple[float, ...]
    bare_s: float

    @property
    def us(self) -> float:
        """CPU microseconds an anomaly, over all alarming instants, the opening of all incidents included."""
        return 1e6 * sum(self.alarming_s) / (len(self.alarming_s) * self.anomalies)

    @property
    def usual_s(self) -> float:
        """The median of the alarming instants."""
        return median(self.alarming_s)

    @property
    def worst_s(self) -> float:
        """The slowest instant."""
        return max(*self.alarming_s, *self.quiet_s)


def by_replica(
    readings: Sequence[Anomaly], _live: Sequence[EpisodeView], _now_s: float, _params: CauseParams, _least: float,
) -> list[Assignment]:
    """Each replica's alarms are a cause of their own, whatever the others do."""
    found: dict[str, list[Anomaly]] = {}
    for reading in readings:
        if reading.alarming:
            found.setdefault(reading.scope.replica or "all", []).append(reading)
    return [Assignment(name, tuple(mine)) for name, mine in found.items()]


WORKLOADS = (
    Workload("one cause a service", assign_alarms), Workload("ten causes a service", by_replica),
    Workload("one cause each, in a tree", assign_alarms, tree=True),
)


def instant(services: int, now_s: float, alarming: bool) -> Instant:
    """All readings at one window's end: latency of every replica moves, the other metrics and the whole do not."""
    found: dict[ServiceKey, list[Anomaly]] = {}
    for number in range(services):
        service = f"service-{number:04}"
        scopes = [Scope(service, "m"), *(Scope(service, "m", replica=f"r{r}") for r in range(REPLICAS))]
        found[service, "m"] = [
            _reading(scope, metric, now_s, alarming and metric == "latency_ms" and scope.replica is not None)
            for metric in METRICS for scope in scopes
        ]
    return found


def _reading(scope: Scope, metric: str, now_s: float, off: bool) -> Anomaly:
    value, level = (200.0, 2.0) if off else (100.0, 0.1)
    return Anomaly(
        scope, metric, "robust_location", now_s - 1.0, now_s, value, 100.0, level, "up" if off else "none", 20,
        now_s - 1.0, 1.0,
    )


def measure(workload: Workload, plan: Plan, services: int) -> Result:
    """Time each instant, first alarming, then quiet."""
    tree = tuple(Dependency(f"service-{n:04}", (f"service-{n // 10:04}",)) for n in range(1, services))
    params = replace(plan.triage, dependencies=tree if workload.tree else ())
    triage = Triage(params, plan.tier_of, plan.config_hash, workload.share)
    directives = ShardDirectives(plan.maintenance)
    decider = Decider(plan.decisions, triage, directives, ReplicasOfEach(), plan.scopes.min_idle_s)
    took: dict[bool, list[float]] = {True: [], False: []}
    incidents, bare_s = 0, 0.0
    gc.freeze()  # collections look at what comes from here on, and not at all that the process has loaded
    for number in range(ALARMING + QUIET):
        now_s, alarming = float(number), number < ALARMING
        readings = instant(services, now_s, alarming)
        bare_s = max(bare_s, _timed(lambda found=readings: _look(found)))  # type: ignore[misc]
        took[alarming].append(_timed(lambda at=now_s, found=readings: _work(triage, decider, at, found)))  # type: ignore[misc]
        incidents = max(incidents, len(triage.open_incidents()))
    gc.unfreeze()
    return Result(workload.name, services * ANOMALIES, incidents, tuple(took[True]), tuple(took[False]), bare_s)


class ReplicasOfEach:
    """The fleet: every service has as many replicas."""

    def replicas(self, service: ServiceKey, since_s: float) -> int:  # noqa: ARG002 - the protocol's signature
        return REPLICAS


def _work(triage: Triage, decider: Decider, now_s: float, readings: Instant) -> None:
    decider.decide(triage.process(now_s, readings), now_s)
    triage.drain_audit()


def _look(readings: Instant) -> int:
    return sum(reading.alarming for found in readings.values() for reading in found)


def _timed(work: Callable[[], object]) -> float:
    gc.collect()
    start_s = time.process_time()
    work()
    return time.process_time() - start_s


def budget_s(plan: Plan) -> float:
    """What an instant may take: the latency bar minus window and least lateness, at most one window."""
    return min(plan.windows.size_s, LATENCY_S - plan.windows.size_s - LEAST_LATENESS_S)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, and return 1 where a bar is missed."""
    parser = argparse.ArgumentParser(prog="benchmarks.triage.cost", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="a tenth of the services")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args(arguments)
    gc.set_threshold(*COLLECTOR)
    plan = plan_of(load(None, {}))
    services = SERVICES // 10 if options.smoke else SERVICES
    results = [measure(workload, plan, services) for workload in WORKLOADS]
    table = Table(title=f"{services * ANOMALIES:,} anomalies in {services:,} services", title_justify="left")
    table.add_column("workload", no_wrap=True)
    for head in ("incidents", "us an anomaly", "bare looks", "ms an instant", "of budget", "slowest ms", "quiet ms"):
        table.add_column(head, justify="right")
    for one in results:
        table.add_row(
            one.workload, f"{one.incidents:,}", f"{one.us:.1f}", f"{one.usual_s / one.bare_s:.0f}",
            f"{1e3 * one.usual_s:.0f}", f"{one.usual_s / budget_s(plan):.2f}", f"{1e3 * one.worst_s:.0f}",
            f"{1e3 * median(one.quiet_s):.0f}",
        )
    console.print(table, f"bars: {BAR_US:g} us an anomaly, {budget_s(plan):g} s an instant")
    if options.json is not None:
        figures = {
            one.workload: {"us": one.us, "instant_s": one.usual_s, "slowest_s": one.worst_s, "bare_s": one.bare_s}
            for one in results
        }
        options.json.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2))
    return 0 if all(one.us <= BAR_US and one.usual_s <= budget_s(plan) for one in results) else 1


if __name__ == "__main__":
    sys.exit(main())

"""Simulates a scenario: the records that its services write, in order of time, and the label of each of its faults."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import orjson

from benchmarks.triage.generator.labels import Label, label
from benchmarks.triage.generator.scenario import LENGTH_S, Event, Scenario
from benchmarks.triage.generator.service import Requests, Service, Upstream
from benchmarks.triage.generator.stack import run
from benchmarks.triage.measure import DIALECTS, TIMEOUT_S

ORIGIN_S = 1_790_000_000.0
"""Second 0 of every run, since the epoch."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """values: the records as a topic would carry them, by offset. labels: of each fault of each event, in order."""

    scenario: Scenario
    values: list[tuple[int, bytes]]
    labels: list[tuple[Event, tuple[Label, ...]]]


def simulate(scenario: Scenario) -> Simulation:
    """Serve the requests of all services, callers after the services that they call. About 3 s."""
    rows: list[tuple[float, dict[str, object]]] = []
    labels: dict[int, tuple[Label, ...]] = {}
    served: dict[str, Requests] = {}
    for number, service in enumerate(scenario.services):
        seed = scenario.seed * 100 + number
        events = [(at, event) for at, event in enumerate(scenario.events) if event.service == service.name]
        upstream = _upstream_of(served[service.upstream]) if service.upstream is not None else None
        faults = tuple(fault for _, event in events for fault in event.faults)
        served[service.name] = hit = run(service, faults, LENGTH_S, seed, upstream)
        rows += _rows(hit)
        labels |= _labels(service, events, hit, seed, upstream)
    rows.sort(key=lambda row: row[0])
    values = [(offset, orjson.dumps(record)) for offset, (_, record) in enumerate(rows)]
    return Simulation(scenario, values, [(event, labels[at]) for at, event in enumerate(scenario.events)])


def _labels(
    service: Service, events: list[tuple[int, Event]], hit: Requests, seed: int, upstream: Upstream | None,
) -> dict[int, tuple[Label, ...]]:
    """Each fault against the same run without it. The two of a pair are labelled in runs that have only one of them."""
    well = run(service, (), LENGTH_S, seed, upstream)
    alone = [hit, hit]
    if any(len(event.faults) > 1 for _, event in events):
        alone = [
            run(service, tuple(e.faults[at] for _, e in events if len(e.faults) > 1), LENGTH_S, seed, upstream)
            for at in range(2)
        ]
    return {
        at: tuple(
            label(fault, alone[place] if len(event.faults) > 1 else hit, well)
            for place, fault in enumerate(event.faults)
        )
        for at, event in events
    }


def _upstream_of(called: Requests) -> Upstream:
    """By second of arrival, the mean latency of the called service and the share of its answers that fail."""
    second = called.arrival_s.astype(np.intp)
    size = int(LENGTH_S) + 1
    lost = ~called.answered
    latency_ms = np.where(lost, TIMEOUT_S * 1000.0, called.metrics["latency_ms"])
    count = np.maximum(np.bincount(second, minlength=size), 1)
    return Upstream(
        np.minimum(np.bincount(second, latency_ms, size) / count, 3000.0),
        np.bincount(second, (called.failed | lost).astype(np.float64), size) / count,
    )


def _rows(requests: Requests) -> list[tuple[float, dict[str, object]]]:
    service, members = requests.service, requests.members
    names = DIALECTS[service.dialect]
    chosen = np.flatnonzero(requests.answered)
    metrics = {names.get(name, name): np.round(values[chosen], 4).tolist() for name, values in requests.metrics.items()}
    labels = {
        name: [members.values[name][at] for at in members.index[name][chosen].tolist()] for name in members.values
    }
    rows: list[tuple[float, dict[str, object]]] = []
    for at, ts in enumerate((ORIGIN_S + requests.done_s[chosen]).tolist()):
        record: dict[str, object] = {"ts": ts, "service": service.name, "model": service.model}
        record.update((name, values[at]) for name, values in labels.items())
        record["metrics"] = {name: values[at] for name, values in metrics.items() if values[at] == values[at]}
        rows.append((ts, record))
    return rows



"""A fault of a database affects the service that needs it: in one shard, in two that exchange incidents, over restarts.

The service is detected first, since its requests show the fault at once; the database a few seconds later.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import orjson
import pytest

from classifiers.incidents.dependencies import Dependency
from classifiers.incidents.relations import inhibited
from classifiers.model import Incident
from streams.pipeline import Products, Shard
from tests.simulation.fleet import PLAN, T
from tests.simulation.run import LATENCY, Run
from tests.streams.records import FakeRecord

NEEDS = replace(
    PLAN, triage=replace(PLAN.triage, dependencies=(Dependency("chat", ("vector*",)),), inhibit_hold_s=10.0),
)
ILL_S = {"vectordb": (62, 100), "chat": (60, 125)}
"""From second to second, by the records. The detectors' onsets are sure within a few seconds."""
LENGTH_S = 150


@dataclass
class Part:
    """One shard and the services it watches."""

    services: Sequence[str]
    run: Run = field(default_factory=lambda: Run(Shard(NEEDS)))
    sent: int = 0

    def second(self, second: int) -> Products:
        records: list[FakeRecord] = []
        for service in self.services:
            rng = random.Random(f"{service}{second}")
            begun_s, ended_s = ILL_S[service]
            latency_ms = 700.0 if begun_s <= second < ended_s else 100.0
            for number in range(20):
                value = {
                    "ts": T + second + number / 20, "service": service, "model": "m", "replica": f"r{number % 2}",
                    "metrics": {"latency_ms": latency_ms * rng.uniform(0.9, 1.1)},
                }
                records.append(FakeRecord(orjson.dumps(value), self.sent + len(records), LATENCY, 0))
        self.sent += len(records)
        return self.run.ingest(records)


def play(*parts: Part, restarts: Sequence[int] = ()) -> list[Incident]:
    """Simulate second by second; each shard gets the incidents of the others. Returns the last states, by opening."""
    for second in range(LENGTH_S):
        pending = [(part, change.incident) for part in parts for change in part.second(second).transitions]
        while pending:
            publisher, incident = pending.pop(0)
            for part in parts:
                if part is not publisher:
                    products = part.run.observe_remote(incident)
                    pending += [(part, change.incident) for change in products.transitions]
        if second in restarts:
            for part in parts:
                part.run.restart()
    found = [incident for part in parts for incident in part.run.incidents.values()]
    return sorted(found, key=lambda incident: incident.opened_at_s)


def summary_of(incidents: Sequence[Incident]) -> list[tuple[object, ...]]:
    names = {incident.id: incident.service for incident in incidents}
    return [
        (one.id, one.state, one.service, [(other.relation, names[other.id]) for other in one.related])
        for one in incidents
    ]


def test_the_service_is_the_effect_though_it_was_noticed_first() -> None:
    effect, cause = play(Part(("chat", "vectordb")))
    assert (effect.service, cause.service) == ("chat", "vectordb")
    assert [related.relation for related in cause.related] == ["causes"]


def test_the_effect_is_inhibited_while_its_cause_is_open_and_for_the_hold_after_it() -> None:
    part = Part(("chat", "vectordb"))
    _, cause = play(part)
    held = [incident for _, incident in part.run.changes if incident.service == "chat" and inhibited(incident)]
    assert held
    assert cause.resolved_at_s is not None
    begun = [(entry.event, entry.at_s - cause.resolved_at_s) for entry in part.run.audit if entry.event == "release"]
    assert begun == [("release", 10.0)]


def test_two_shards_that_exchange_incidents_conclude_what_one_shard_concludes() -> None:
    one = summary_of(play(Part(("chat", "vectordb"))))
    assert summary_of(play(Part(("chat",)), Part(("vectordb",)))) == one


@pytest.mark.parametrize("restarts", [(61,), (64, 66), (99, 108, 119)])
def test_a_restart_in_the_midst_changes_nothing(restarts: Sequence[int]) -> None:
    whole = summary_of(play(Part(("chat",)), Part(("vectordb",))))
    assert summary_of(play(Part(("chat",)), Part(("vectordb",)), restarts=restarts)) == whole

"""Silence, departures, the rates of parts and the loss of monitoring, from records to incidents."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Mapping

import pytest

from classifiers.model import Incident
from streams.replay.replay import Replay, replay
from tests.streams.fakes import T, default_plan
from tests.streams.records import sample

PLAN = default_plan()
BEGINS, ENDS = 900, 1000
"""Seconds from the start at which something happens, and at which the records end."""
Share = Callable[[int], Mapping[str, float]]
"""By second, the share of the traffic that each replica serves; what is missing to 1 is lost."""


def native(share: Share, service: str = "chat", rate: float = 24.0, **labels: str) -> list[dict[str, object]]:
    """Requests of a service, of constant rate, spread over replicas at random."""
    rng, found = random.Random(f"{service}{labels}"), []
    for second in range(ENDS):
        parts = share(second)
        for at_s in sorted(rng.random() for _ in range(round(rng.gauss(rate, rate**0.5)))):
            drawn = rng.random()
            for name, part in parts.items():
                drawn -= part
                if drawn < 0.0:
                    metrics = {"latency_ms": rng.gauss(300.0, 30.0), "error": 0.0}
                    found.append(sample(T + second + at_s, service, metrics, model="gpt", replica=name, **labels))
                    break
    return found


def replayed(*services: Iterable[dict[str, object]]) -> Replay:
    ordered = sorted((one for found in services for one in found), key=lambda one: float(str(one["ts"])))
    return replay(PLAN, list(enumerate(json.dumps(one).encode() for one in ordered)))


def only(run: Replay) -> Incident:
    (incident,) = run.incidents.values()
    return incident


def evenly(*names: str) -> dict[str, float]:
    return dict.fromkeys(names, 1.0 / len(names))


def test_a_replica_that_the_others_replace_is_no_incident_but_an_audit_entry() -> None:
    run = replayed(native(lambda second: evenly("a", "b", "c") if second < BEGINS else evenly("a", "b")))
    assert run.incidents == {}
    assert [(entry.event, entry.subject) for entry in run.audit] == [("leave", "chat/gpt replica=c")]


def test_a_replica_whose_requests_are_lost_is_an_incident_that_names_it() -> None:
    three = evenly("a", "b", "c")
    run = replayed(native(lambda second: three if second < BEGINS else {"a": three["a"], "b": three["b"]}))
    incident = only(run)
    assert (incident.category, incident.replica, incident.peak_severity) == ("availability", "c", "P1")
    assert incident.opened_at_s - T < BEGINS + 15.0


def test_the_traffic_of_a_part_is_not_judged_by_its_own_past() -> None:
    """A balancer sends most requests to one replica, and one tenant leaves while another comes."""
    def share(second: int) -> Mapping[str, float]:
        return evenly("a", "b", "c") if second < BEGINS else {"a": 0.9, "b": 0.05, "c": 0.05}

    run = replayed(native(share))
    assert run.incidents == {}


def test_more_requests_of_the_whole_are_told_with_the_part_that_sends_them() -> None:
    surge = [one for one in native(lambda _: evenly("a", "b"), rate=60.0, tenant="t9")
             if float(str(one["ts"])) >= T + BEGINS]
    steady = native(lambda _: evenly("a", "b"), tenant="t1")
    few = native(lambda _: evenly("a", "b"), rate=4.0, tenant="t9")
    incident = only(replayed(steady, few, surge))
    assert (incident.category, incident.tenant) == ("resource_exhaustion", "t9")


def test_a_new_version_is_not_missed_for_the_traffic_of_its_predecessor() -> None:
    canary = [one for one in native(lambda _: evenly("c"), rate=0.5, version="v2")
              if float(str(one["ts"])) >= T + BEGINS - 100]
    assert replayed(native(lambda _: evenly("a", "b"), version="v1"), canary).incidents == {}


def test_one_service_that_falls_silent_while_another_goes_on_is_down() -> None:
    silent = native(lambda second: evenly("a", "b") if second < BEGINS else {})
    incident = only(replayed(silent, native(lambda _: evenly("x", "y"), "search")))
    assert (incident.service, incident.category, incident.peak_severity) == ("chat", "availability", "P0")
    assert incident.replica is None
    assert incident.opened_at_s - T < BEGINS + 6.0


def silent_from(begins: int, ends: int) -> Share:
    return lambda second: {} if begins <= second < ends else evenly("a", "b")


@pytest.mark.parametrize(("lasts_s", "severity"), [(20, None), (60, "P1")])
def test_all_services_of_a_source_at_once_are_one_incident_about_the_source(
    lasts_s: int, severity: str | None,
) -> None:
    """Nobody can tell a lost source from an outage of all, so nothing is done."""
    run = replayed(*(native(silent_from(BEGINS, BEGINS + lasts_s), name) for name in ("chat", "search", "mail")))
    if severity is None:
        assert run.incidents == {}
        return
    incident = only(run)
    assert (incident.category, incident.peak_severity, incident.service) == ("telemetry", severity, "recording")
    assert incident.opened_at_s - T == pytest.approx(BEGINS + 30.0, abs=3.0)
    assert [intent.kind for intent, _ in run.actions] == ["notify"]

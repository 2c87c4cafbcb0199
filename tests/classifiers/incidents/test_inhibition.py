"""Effects under causes: whichever of the two was noticed first, in one shard or two, over restarts, until when."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from classifiers.incidents.builder import ServiceKey
from classifiers.incidents.dependencies import Dependency
from classifiers.incidents.params import TriageParams
from classifiers.incidents.relations import MAX_REMOTE, inhibited
from classifiers.incidents.triage import IncidentChange, Triage
from classifiers.incidents.triage_snapshot import dump, load
from classifiers.model import Anomaly, Incident, Related, Scope
from tests.classifiers.readings import reading

PARAMS = TriageParams(
    dependencies=(Dependency("chat", ("retriever",)), Dependency("retriever", ("vector*",))),
    inhibit_hold_s=10.0, onset_slack_s=2.0,
)
NAMES = {"c": "chat", "r": "retriever", "v": "vectordb", "o": "other"}


def make(params: TriageParams = PARAMS) -> Triage:
    return Triage(params, lambda _: 2, "abc")


def slow(service: str, now_s: float, onset_s: float, change: float = 1.0) -> list[Anomaly]:
    scopes = (Scope(service, "m"), Scope(service, "m", replica="r0"), Scope(service, "m", replica="r1"))
    return [replace(reading(scope, "latency_ms", now_s, change), onset_s=onset_s) for scope in scopes]


def play(triage: Triage, *story: str, onsets: dict[str, float] | None = None, start_s: int = 0) -> list[IncidentChange]:
    """One text a second with the services that are slow then (c, r, v, o); the others are as expected."""
    out: list[IncidentChange] = []
    for second, off in enumerate(story, start_s):
        readings: dict[ServiceKey, list[Anomaly]] = {
            (name, "m"): slow(name, float(second), (onsets or {}).get(mark, 0.0), 1.0 if mark in off else 0.0)
            for mark, name in NAMES.items()
        }
        out += triage.process(float(second), readings)
    return out


def related(triage: Triage) -> dict[str, list[tuple[str, str]]]:
    """By service with an open incident, its relations as (what, service)."""
    live = {incident.id: incident for incident in triage.open_incidents()}
    return {
        one.service: [(other.relation, live[other.id].service) for other in one.related if other.id in live]
        for one in live.values()
    }


CASCADE = {"chat": [("caused_by", "vectordb")], "vectordb": [("causes", "chat")]}


@pytest.mark.parametrize("story", [("v", "v", "vc", "vc"), ("c", "c", "vc", "vc"), ("vc", "vc")])
def test_an_effect_is_inhibited_whichever_of_the_two_opens_first(story: tuple[str, ...]) -> None:
    triage = make()
    changes = play(triage, *story)
    assert related(triage) == CASCADE
    assert {t.incident.service: inhibited(t.incident) for t in changes} == {"chat": True, "vectordb": False}


def test_an_incident_that_opens_under_its_cause_is_published_as_opened_and_inhibited_at_once() -> None:
    opened = [change for change in play(make(), "v", "v", "vc", "vc") if change.incident.service == "chat"]
    assert [(change.change, inhibited(change.incident)) for change in opened] == [("opened", True)]


def test_of_a_chain_the_far_end_is_the_cause_of_all() -> None:
    triage = make()
    play(triage, "crv", "crv")
    assert related(triage) == {
        "chat": [("caused_by", "vectordb")], "retriever": [("caused_by", "vectordb")],
        "vectordb": [("causes", "chat"), ("causes", "retriever")],
    }


def test_services_that_do_not_need_each_other_are_not_related() -> None:
    triage = make()
    play(triage, "vo", "vo")
    assert related(triage) == {"other": [], "vectordb": []}


@pytest.mark.parametrize(("onset_s", "explains"), [(4.0, True), (4.5, False)])
def test_a_cause_began_no_later_than_its_effect_as_far_as_onsets_can_tell(onset_s: float, explains: bool) -> None:
    triage = make()
    play(triage, *("vc" for _ in range(5)), onsets={"v": onset_s, "c": 0.0}, start_s=5)
    assert bool(related(triage)["chat"]) == explains


def test_an_effect_that_outlasts_its_cause_is_released_after_the_hold() -> None:
    triage = make()
    changes = play(triage, *("vc" for _ in range(4)), *("c" for _ in range(30)))
    ended = {t.incident.service: t.incident.resolved_at_s for t in changes if t.change == "resolved"}
    assert ended == {"vectordb": 11.0}
    released = [t for t in changes if t.incident.service == "chat" and not inhibited(t.incident)]
    assert [(t.change, t.incident.related) for t in released] == [("updated", ())]
    (entry,) = [entry for entry in triage.drain_audit() if entry.event == "release"]
    assert entry.at_s == 10.0 + 10.0 + 1.0


def test_an_effect_that_ends_with_its_cause_was_explained_to_the_end() -> None:
    changes = play(make(), *("vc" for _ in range(4)), *("" for _ in range(12)))
    ended = {t.incident.service: t.incident for t in changes if t.change == "resolved"}
    assert [one.relation for one in ended["chat"].related] == ["caused_by"]
    assert [one.relation for one in ended["vectordb"].related] == ["causes"]


def abroad(service: str = "vectordb", **changes: object) -> Incident:
    """An incident as another shard published it."""
    (opened,) = play(make(TriageParams()), *(mark for mark in (letter_of(service),) for _ in range(2)))
    return replace(opened.incident, **changes)  # type: ignore[arg-type]


def letter_of(service: str) -> str:
    return next(mark for mark, name in NAMES.items() if name == service)


def test_a_cause_in_another_shard_inhibits_and_its_end_releases() -> None:
    triage = make()
    play(triage, "c", "c")
    (published,) = triage.observe_remote(abroad(), 2.0)
    assert (published.change, published.incident.related) == ("updated", (Related(abroad().id, "caused_by"),))
    assert triage.observe_remote(abroad(), 2.0) == []
    assert triage.observe_remote(abroad(state="resolved", resolved_at_s=3.0), 3.0) == []
    changes = play(triage, *("c" for _ in range(20)), start_s=3)
    assert [(t.change, t.incident.related) for t in changes] == [("updated", ())]


@pytest.mark.parametrize(("published_again", "released"), [(False, [()]), (True, [])])
def test_a_cause_in_another_shard_that_nobody_publishes_any_more_releases(
    published_again: bool, released: list[tuple[Related, ...]],
) -> None:
    triage = make()
    play(triage, "c", "c")
    triage.observe_remote(abroad(), 2.0)
    changes = play(triage, *("c" for _ in range(200)), start_s=3)
    if published_again:
        assert triage.observe_remote(abroad(), 200.0) == []
    changes += play(triage, *("c" for _ in range(200)), start_s=203)
    assert [t.incident.related for t in changes if t.change == "updated"] == released


def test_a_cause_lists_an_effect_in_another_shard_that_names_it() -> None:
    triage = make()
    cause = play(triage, "v", "v")[0].incident
    effect = abroad("chat", related=(Related(cause.id, "caused_by"),))
    (published,) = triage.observe_remote(effect, 2.0)
    assert published.incident.related == (Related(effect.id, "causes"),)
    assert triage.observe_remote(effect, 2.0) == []


@pytest.mark.parametrize("service", ["other", "chat"])
def test_what_explains_nobody_and_names_nobody_here_is_not_kept(service: str) -> None:
    triage = make()
    play(triage, "v", "v")
    assert triage.observe_remote(abroad(service), 2.0) == []
    assert triage.inhibition.remote.open == {}


def test_incidents_of_this_shard_read_back_are_not_remote() -> None:
    triage = make()
    own = play(triage, "v", "v")[0].incident
    triage.observe_remote(own, 2.0)
    play(triage, *("" for _ in range(12)), start_s=2)
    triage.observe_remote(own, 14.0)
    assert triage.inhibition.remote.open == {}


def test_a_remote_incident_that_opens_here_after_a_restart_is_no_longer_remote() -> None:
    triage = make()
    triage.observe_remote(play(make(), "v", "v")[0].incident, 0.0)
    assert len(triage.inhibition.remote.open) == 1
    play(triage, "vc", "vc")
    assert triage.inhibition.remote.open == {}
    assert related(triage) == CASCADE


def test_remote_incidents_are_bounded_in_number_and_in_age() -> None:
    triage = make()
    for number in range(MAX_REMOTE + 5):
        triage.observe_remote(abroad_numbered(number), 2.0)
    known = triage.inhibition.remote.open
    assert (len(known), "i4" in known, "i5" in known) == (MAX_REMOTE, False, True)
    play(triage, "c", "c", start_s=int(PARAMS.accept_after_s + PARAMS.flap_hold_s) + 2)
    assert known == {}


def abroad_numbered(number: int) -> Incident:
    return replace(_ABROAD, id=f"i{number}")


_ABROAD = abroad()


@pytest.mark.parametrize("cut", range(1, 34, 3))
def test_a_restart_anywhere_keeps_the_relations(cut: int) -> None:
    story = ["vc"] * 4 + ["c"] * 20 + [""] * 10
    first, second, whole = make(), make(), make()
    for triage in (first, whole):
        triage.observe_remote(abroad("retriever", id="abroad"), 0.0)
    before = play(first, *story[:cut])
    load(second, json.loads(json.dumps(dump(first))))
    assert before + play(second, *story[cut:], start_s=cut) == play(whole, *story)
    assert dump(second) == dump(whole)

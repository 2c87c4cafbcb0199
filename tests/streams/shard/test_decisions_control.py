"""What is decided for an incident that is silenced, or that somebody works on."""

from __future__ import annotations

from actions.playbooks.playbook import Match, Playbook, Step, Verify
from classifiers.directives import Acknowledge, Expire, Matcher, Silence
from tests.streams.shard.decision_case import BREAKER, Case

CHAT = (Matcher("service", "=", "chat"),)
NOTIFY_FIRST = Playbook("tell", 1, Match(), "auto", (
    Step("notify", "{service}", verify=Verify(within_s=2.0)), BREAKER,
))


def silence(from_s: float, until_s: float) -> Silence:
    return Silence("s1", CHAT, from_s, until_s, "ana", "a change")


def test_a_silenced_incident_is_published_and_nothing_is_decided_until_the_silence_ends() -> None:
    case = Case()
    case.directives.add([silence(0.0, 8.0)])
    told = []
    while case.now_s < 10.0:
        transitions, intents = case.second(sick=True)
        told += [(case.now_s, each.change, each.incident.silenced_by, len(intents)) for each in transitions]
    opened = told[0]
    assert opened[1:] == ("opened", "s1", 0)
    assert told[-1] == (8.0, "updated", None, 1)
    assert all(by == "s1" and count == 0 for _, _, by, count in told[:-1])


def test_an_incident_that_resolves_silenced_says_so_and_needs_no_undo() -> None:
    case = Case()
    case.directives.add([silence(0.0, 100.0)])
    while not case.second(sick=True)[0]:
        pass
    resolved, intents = case.until_resolved()
    assert (resolved.state, resolved.silenced_by, intents) == ("resolved", "s1", [])
    assert not case.decider.busy


def test_a_silence_that_comes_later_stops_the_ladder_and_not_the_undo() -> None:
    case = Case()
    _, intent = case.until_open()
    case.answer(intent)
    case.directives.add([silence(case.now_s + 1.0, case.now_s + 200.0)])
    until_s, after = case.now_s + BREAKER.verify.within_s + 5.0, []
    while case.now_s < until_s:
        after += case.second(sick=True)[1]
    assert after == []
    resolved, intents = case.until_resolved()
    assert resolved.silenced_by == "s1"
    assert [(each.kind, each.undo) for each in intents] == [("circuit_breaker", True)]
    told, _ = case.answer(intents[0])
    assert [each.incident.silenced_by for each in told] == ["s1"]


def test_an_expired_silence_lets_the_ladder_begin() -> None:
    case = Case()
    case.directives.add([silence(0.0, 1000.0), Expire("s1", "ana", 6.0)])
    decided = []
    while case.now_s < 8.0:
        decided += [(case.now_s, each.kind) for each in case.second(sick=True)[1]]
    assert decided == [(6.0, "circuit_breaker")]


def test_while_somebody_works_on_it_no_step_notifies_and_then_it_does() -> None:
    case = Case()
    opened, intent = case.until_open()
    case.answer(intent)
    until_s = case.now_s + BREAKER.verify.within_s + 5.0
    case.directives.add([Acknowledge(opened.id, "ben", case.now_s, until_s)])
    decided = []
    while case.now_s < until_s + 3.0:
        decided += [(case.now_s, each.kind) for each in case.second(sick=True)[1]]
    assert decided == [(until_s, "notify")]


def test_what_tells_nobody_is_done_although_somebody_works_on_it() -> None:
    case = Case()
    case.directives.add([silence(0.0, 6.0)])
    while not case.second(sick=True)[0]:
        pass
    (opened,) = case.triage.open_incidents()
    case.directives.add([Acknowledge(opened.id, "ben", case.now_s, 100.0)])
    decided = []
    while case.now_s < 7.0:
        decided += [(case.now_s, each.kind) for each in case.second(sick=True)[1]]
    assert decided == [(6.0, "circuit_breaker")]


def test_an_acknowledgement_before_the_first_notice_holds_the_whole_ladder_behind_it() -> None:
    case = Case(NOTIFY_FIRST)
    case.directives.add([silence(0.0, 6.0)])
    while not case.second(sick=True)[0]:
        pass
    (opened,) = case.triage.open_incidents()
    case.directives.add([Acknowledge(opened.id, "ben", case.now_s, 9.0)])
    decided = []
    while case.now_s < 10.0:
        decided += [(case.now_s, each.kind) for each in case.second(sick=True)[1]]
    assert decided == [(9.0, "notify")]

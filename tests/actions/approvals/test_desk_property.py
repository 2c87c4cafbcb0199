"""Whatever people do, whenever owners change and in whatever order topics are read, a request keeps its promises."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from actions.approvals.machine import ENDED, OPEN, TRANSITIONS
from actions.approvals.request import ApprovalRequest
from actions.model import ApprovalTerms, DecisionVerb, Intent
from classifiers.by_hand import Decide, Withdraw
from tests.actions.approvals.cases import ROLES, Case, T, decided, incident, suggested, withdrawn

APPROVERS = {name for name, role in ROLES.items() if role == "approver"}
INTENTS = [
    suggested("k1", "inc-1", approval=ApprovalTerms(count=2)), suggested("k2", "inc-2"),
    suggested("k1", "inc-1", digest="d2", decided_at_s=T + 30.0),
]
verbs: st.SearchStrategy[DecisionVerb] = st.sampled_from(["approve", "approve", "reject", "break_glass"])


@st.composite
def directives(draw: st.DrawFn) -> Decide | Withdraw:
    """Of anybody, about any intent: some signed by another person's key, some about changed parameters."""
    intent = draw(st.sampled_from(INTENTS))
    who, at_s = draw(st.sampled_from(sorted(ROLES))), T + draw(st.floats(0.0, 1200.0))
    if draw(st.booleans()) and draw(st.booleans()):
        return withdrawn(intent, who, at_s)
    forged = draw(st.sampled_from([None, None, None, "dan", "params"]))
    about = replace(intent, params={"factor": 0.9}) if forged == "params" else intent
    key_of = forged if forged in ROLES else None
    return decided(about, who, draw(verbs), at_s, comment="because", key_of=key_of)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("intent"), st.sampled_from(INTENTS)),
        st.tuples(st.just("release"), st.sampled_from(INTENTS)),
        st.tuples(st.just("decide"), directives()),
        st.tuples(st.just("resolve"), st.sampled_from(["inc-1", "inc-2"])),
        st.tuples(st.just("wait"), st.floats(0.1, 400.0)),
        st.tuples(st.just("restart"), st.none()),
    ),
    max_size=25,
)


class World:
    """The topics, and the owner of the moment."""

    def __init__(self) -> None:
        self.now_s = T
        self.case = Case()
        self.read: list[tuple[str, object]] = []
        self.log: list[ApprovalRequest] = []
        self.outcomes: list[tuple[str, str]] = []

    def apply(self, kind: str, value: object) -> None:
        if kind == "wait":
            assert isinstance(value, float)
            self.now_s += value
        elif kind == "restart":
            self.case = self.case.restarted()
            for earlier in self.read:  # the topics are read again from their start
                self.take(*earlier)
        else:
            dated = (value, self.now_s) if kind == "decide" else value
            self.read.append((kind, dated))
            self.take(kind, dated)
        for change in self.case.at(self.now_s):
            self.log.append(change.request)
            if change.outcome is not None:
                self.outcomes.append((change.request.key, change.outcome.status))

    def take(self, kind: str, value: object) -> None:
        desk = self.case.desk
        if kind == "intent":
            assert isinstance(value, Intent)
            desk.add_intent(value, 1)
        elif kind == "release":
            assert isinstance(value, Intent)
            desk.add_intent(replace(value, mode="auto"), 1)
        elif kind == "decide":
            assert isinstance(value, tuple)
            desk.add_by_hand(*value)
        else:
            desk.add_incident(incident(str(value), state="resolved", resolved_at_s=T), T)


def is_consent(request: ApprovalRequest) -> bool:
    approved = {each.by for each in request.given if each.verb == "approve"}
    glass = {each.by for each in request.given if each.verb == "break_glass"}
    signed = all(each.signed is not None and each.signed.digest == request.intent.digest for each in request.given)
    return signed and ((approved <= APPROVERS and len(approved) >= request.terms.count) or glass == {"cleo"})


@settings(max_examples=300, deadline=None)
@given(steps)
def test_a_request_keeps_its_promises(given_steps: list[tuple[str, object]]) -> None:
    world = World()
    for kind, value in given_steps:
        world.apply(kind, value)
    for key in ("k1", "k2"):
        versions = [request for request in world.log if request.key == key]
        assert [request.version for request in versions] == list(range(1, len(versions) + 1))
        states = [None, *(request.state for request in versions)]
        ways = set(TRANSITIONS)
        for before, after in pairwise(states):
            assert any((before, event) in ways and TRANSITIONS[before, event] == after for event in EVENTS), states
        for request in versions:
            assert request.state != "approved" or is_consent(request)
            people = [each.by for each in request.given if each.verb in ("approve", "reject")]
            assert len(people) == len(set(people))
        told = [status for name, status in world.outcomes if name == key]
        assert told.count("approved") == states.count("approved")
        assert len([status for status in told if status != "approved"]) == len(
            [state for state in states if state in ENDED and state != "released"]
        )


EVENTS = {event for _, event in TRANSITIONS}


@settings(max_examples=200, deadline=None)
@given(
    st.lists(directives(), max_size=8), st.permutations(range(4)), st.booleans(), st.floats(0.0, 1200.0),
)
def test_the_order_in_which_topics_are_read_changes_nothing(
    said: list[Decide | Withdraw], order: list[int], resolved: bool, after_s: float,
) -> None:
    def read(case: Case, topic: int) -> None:
        if topic == 0:
            for intent in INTENTS[:2]:
                case.desk.add_intent(intent, 1)
        elif topic == 1:
            for directive in said:
                case.desk.add_by_hand(directive, directive.at_s)
        elif topic == 2 and resolved:
            case.desk.add_incident(incident("inc-2", state="resolved", resolved_at_s=T), T)
        elif topic == 3:
            case.desk.add_intent(replace(INTENTS[1], mode="auto"), 1)

    cases = [Case(), Case()]
    for case, topics in zip(cases, (range(4), order), strict=True):
        for topic in topics:
            read(case, topic)
        while case.at(T + after_s):
            pass
    first, second = (list(case.desk.requests.values()) for case in cases)
    assert first == second
    assert all(request.state in OPEN | ENDED for request in first)

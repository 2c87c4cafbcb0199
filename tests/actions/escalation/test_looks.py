"""Escalations are looked at when something was read or a time has come, and nothing that follows is late or lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from actions.escalation.desk import LOOK_EVERY_S, EscalationDesk, Rules
from actions.escalation.looks import Looks
from actions.escalation.policy import EscalationPolicy, EscalationStep
from classifiers.directives import Acknowledge
from tests.actions.escalation.cases import World, remedy
from tests.streams.fakes import T

INCIDENTS = ("inc-1", "inc-2", "inc-3")
POLICY = EscalationPolicy(
    "critical",
    steps=(
        EscalationStep("primary", 0.0, page=("primary",)), EscalationStep("backup", 300.0, page=("backup",)),
        EscalationStep("late", 1_000.0, page=("commander",)),
    ),
    severities=("P0", "P1"), grace={"P1": 90.0}, rounds=2, round_after_s=240.0, ack_lapses_s=700.0,
    approval_after_s=120.0,
)
ACTS = st.one_of(
    st.tuples(st.just("tell"), st.sampled_from(INCIDENTS), st.sampled_from(("P0", "P1", "P3"))),
    st.tuples(st.just("remedy"), st.sampled_from(INCIDENTS), st.sampled_from(("P1",))),
    st.tuples(st.just("silence"), st.sampled_from(INCIDENTS), st.sampled_from(("P1",))),
    st.tuples(st.just("resolve"), st.sampled_from(INCIDENTS), st.sampled_from(("P1",))),
    st.tuples(st.just("acknowledge"), st.sampled_from(INCIDENTS), st.sampled_from(("60", "3600"))),
    st.tuples(st.just("wait"), st.just(""), st.sampled_from(("1", "7", "90", "311", "1300"))),
)


class Looking(World):
    """all_: whether everything is looked at on every tick, as the rule that the index must agree with."""

    def __init__(self, all_: bool) -> None:
        self.all_ = all_
        super().__init__(POLICY)

    def at(self, after_s: float) -> list[str]:
        for name in INCIDENTS if self.all_ else ():
            self.desk.note(name)
        return super().at(after_s)

    def act(self, kind: str, name: str, value: str) -> None:
        over: dict[str, Any] = {"severity": value, "peak_severity": value} if value.startswith("P") else {}
        told = self.incidents.get(name)
        if kind == "acknowledge":
            self.acknowledge(lasts_s=float(value), incident_id=name)
        elif kind == "wait":
            return
        elif kind == "tell" or told is None:
            self.tell(id=name, opened_at_s=self.now_s, **over)
        else:
            extra = {
                "remedy": {"actions": (remedy(),)}, "silence": {"silenced_by": "s1"},
                "resolve": {"state": "resolved", "resolved_at_s": self.now_s},
            }[kind]
            self.tell(replace(told[0], **extra))  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(st.lists(ACTS, min_size=1, max_size=12))
def test_the_same_follows_at_the_same_time_as_if_everything_were_looked_at(acts: list[tuple[str, str, str]]) -> None:
    indexed, every = Looking(False), Looking(True)
    after_s = 0.0
    for kind, name, value in acts:
        for world in (indexed, every):
            world.act(kind, name, value)
        until_s = after_s + (float(value) if kind == "wait" else 1.0)
        while after_s < until_s:
            assert indexed.at(after_s) == every.at(after_s)
            after_s += 1.0
    assert [each.escalation for each in indexed.changes] == [each.escalation for each in every.changes]


def test_a_quiet_second_costs_nothing_however_many_incidents_are_open() -> None:
    asked: list[str] = []

    def policies(service: str) -> tuple[EscalationPolicy, ...]:
        asked.append(service)
        return (POLICY,)

    world = World()
    world.desk = EscalationDesk(Rules(policies, lambda *_: ("anna",), lambda *_: True), lambda _: ())
    for number in range(100):
        world.tell(id=f"inc-{number}")
    for second in (0.0, 6.0, 7.0):  # noticed, paged after the time for a remedy, and handed over
        world.at(second)
    asked.clear()
    for second in range(8, 20):
        world.at(float(second))
    assert asked == []
    world.at(LOOK_EVERY_S + 8.0)
    assert len(asked) > 0


def test_each_owner_has_looks_of_its_own() -> None:
    world = World()
    first, second = world.desk.looks(), world.desk.looks()
    world.tell()
    assert list(world.desk.changes(T, lambda *_: False, first)) == []
    assert first.due(T) == []
    assert next(iter(world.desk.changes(T, lambda *_: True, second))).event == "notice"


def test_what_was_not_finished_is_looked_at_again() -> None:
    world = World()
    world.tell()
    looks = world.desk.looks()
    next(iter(world.desk.changes(T, lambda *_: True, looks)))  # the write failed
    assert looks.due(T) == ["inc-1"]


def test_a_time_that_was_replaced_does_not_count() -> None:
    looks = Looks(["a"])
    looks.done("a", 10.0)
    looks.done("a", 20.0)
    assert (looks.due(15.0), looks.due(20.0)) == ([], ["a"])
    looks.done("a", None)
    assert looks.due(1e9) == []


def test_an_acknowledgement_is_seen_at_once() -> None:
    world = World(POLICY)
    world.tell()
    world.at(0.0)
    world.at(1.0)
    world.desk.add_acknowledgement(Acknowledge("inc-1", "anna", T + 2.0, T + 3_600.0), is_personal=True)
    world.at(2.0)
    assert world.state == "acknowledged"

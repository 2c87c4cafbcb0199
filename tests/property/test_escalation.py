"""Whatever happens, in whatever order, and wherever it is restarted: no page twice, none too many, none lost.

Source of the property: sections "State machines" and "Limits" of the design of response. Hypothesis draws what becomes
of incidents, acknowledgements, steps of the clock, changes of who is on call, and restarts, which know the log alone.
A restart may come between the write of a record and what follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from actions.escalation.machine import is_allowed
from actions.escalation.record import Notify
from classifiers.model import Forecast, Incident, Related
from tests.actions.approvals.cases import T, incident
from tests.actions.escalation.cases import World, ineffective, policy, remedy

MAX_CHANGES = 100  # of one look at three incidents; a machine that goes in circles writes without end
IDS = ("inc-0", "inc-1", "inc-2")
SHAPES: dict[str, dict[str, object]] = {
    "P0": {"severity": "P0"}, "P1": {"severity": "P1"}, "P3": {"severity": "P3"}, "flap": {"state": "flapping"},
    "silence": {"silenced_by": "s1"}, "unsilence": {"silenced_by": None}, "open": {"state": "open", "related": ()},
    "inhibit": {"related": (Related("inc-9", "caused_by"),)}, "remedy": {"actions": (remedy(),)},
    "fail": {"actions": (remedy("failed"),)}, "no_help": {"remedies": (ineffective(),)},
    "slow": {"expected_resolve": Forecast(1.0, 9000.0, 9999.0, 0.9, 9)},
    "resolve": {"state": "resolved", "resolved_at_s": T},
}


@dataclass(frozen=True)
class Op:
    """One event. crash: the process ends after so many written records of the look that follows."""

    name: str
    which: str = "inc-1"
    seconds: float = 0.0
    crash: int | None = None


crashes = st.none() | st.integers(0, 2)
OPS = st.one_of(
    st.builds(Op, st.sampled_from(sorted(SHAPES)), st.sampled_from(IDS), crash=crashes),
    st.builds(Op, st.just("pass"), seconds=st.sampled_from([0.5, 30.0, 299.0, 301.0, 700.0, 4000.0]), crash=crashes),
    st.builds(Op, st.just("acknowledge"), st.sampled_from(IDS), st.sampled_from([60.0, 4000.0]), crashes),
    st.builds(Op, st.just("step_back"), seconds=st.sampled_from([10.0, 3600.0])),
    st.builds(Op, st.sampled_from(["restart", "nobody", "somebody"])),
)


class Story:
    """The ops of one example. notified: everything that left, with what was known of its incident at that time."""

    def __init__(self) -> None:
        self.world = World(policy(grace={"P1": 90.0}))
        self.shown: dict[str, Incident] = {}
        self.seen: dict[str, Notify] = {}
        self.wall_s = T

    def apply(self, op: Op) -> None:
        world = self.world
        if op.name in SHAPES:
            known = self.shown.get(op.which, incident(op.which, severity="P1", opened_at_s=world.now_s))
            if known.state != "resolved":
                self.shown[op.which] = replace(known, **SHAPES[op.name])  # type: ignore[arg-type]
                world.tell(self.shown[op.which])
        elif op.name == "pass":
            self.wall_s += op.seconds
        elif op.name == "step_back":
            self.wall_s -= op.seconds
        elif op.name == "acknowledge":
            world.acknowledge(lasts_s=op.seconds, incident_id=op.which)
        elif op.name == "restart":
            world.restart()
        else:
            world.on_call["primary"] = () if op.name == "nobody" else ("anna",)
        world.now_s = max(world.now_s, self.wall_s)
        self.look(op.crash)

    def look(self, crash: int | None) -> None:
        """Write what is due, perhaps not to the end, and notify what stands in the log."""
        world = self.world
        for written, change in enumerate(world.desk.changes(world.now_s, lambda *_: True)):
            assert written < MAX_CHANGES
            if crash is not None and written >= crash:
                world.restart()
                return
            assert is_allowed(change.before, change.event)  # type: ignore[arg-type]
            world.log.append(change.escalation)
            world.changes.append(change)
            world.desk.record(change.escalation)
        for one in world.desk.pending(lambda *_: True):
            self.notify(one)
        if crash is not None:
            world.restart()
            return
        for change in world.desk.handed_over(list(self.seen), world.now_s, lambda *_: True):
            world.log.append(change.escalation)
            world.desk.record(change.escalation)

    def notify(self, one: Notify) -> None:
        """A receiver that tells repeats by their id."""
        if one.id in self.seen:
            assert replace(one, at_s=0.0, reason="") == replace(self.seen[one.id], at_s=0.0, reason="")
            return
        self.seen[one.id] = one
        if one.kind in ("page", "digest"):
            shown = self.shown[one.incident_id]
            assert shown.state == "open"
            assert shown.silenced_by is None
            assert self.world.desk.escalations[one.incident_id].state not in ("acknowledged", "closed", "suspended")


@settings(max_examples=120, deadline=None)
@given(st.lists(OPS, min_size=4, max_size=30))
def test_each_step_is_taken_once_a_round_and_nobody_is_paged_after_acknowledgement_or_resolution(ops: list[Op]) -> None:
    story = Story()
    for op in ops:
        story.apply(op)
    world = story.world
    versions = [(one.incident_id, one.version) for one in world.log]
    assert len(versions) == len(set(versions))
    for one in world.desk.escalations.values():
        taken = [(fired.step, fired.round) for fired in one.fired]
        assert len(taken) == len(set(taken))
    pages = [one for one in story.seen.values() if one.kind == "page"]
    assert len(pages) == len({(one.incident_id, one.step, one.round, one.recipient, one.via) for one in pages})


@settings(max_examples=60, deadline=None)
@given(st.lists(OPS, max_size=20), st.sampled_from(["P0", "P1"]))
def test_the_first_page_of_an_incident_always_goes(ops: list[Op], severity: str) -> None:
    story = Story()
    for op in ops:
        story.apply(replace(op, which="inc-0"))
    for name in (severity, "unsilence", "open"):
        story.apply(Op(name, "inc-2"))
    story.apply(Op("somebody"))
    for _ in range(3):
        story.wall_s = story.world.now_s + 100.0
        story.apply(Op("pass"))
    pages = [one for one in story.seen.values() if one.kind == "page" and one.incident_id == "inc-2"]
    assert pages


@settings(max_examples=40, deadline=None)
@given(st.lists(OPS.filter(lambda op: op.name != "step_back"), max_size=15))
def test_a_restart_at_every_step_changes_nothing_of_what_is_notified(ops: list[Op]) -> None:
    told = []
    for restarts in (False, True):
        story = Story()
        for op in ops:
            story.apply(replace(op, crash=None))
            if restarts:
                story.world.restart()
                story.look(None)
        told.append(sorted(story.seen))
    assert told[0] == told[1]

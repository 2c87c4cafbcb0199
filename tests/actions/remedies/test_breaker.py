"""The breaker: its table, its times, and what it does at the target."""

from __future__ import annotations

import pytest

from actions.ledger.remedy import Breaker
from actions.model import RemedyTerms
from actions.remedies.breaker import PROBE_S, QUIET_S, TRANSITIONS, VERDICT_S, Signals, decayed, due, move, open_s
from tests.actions.cases import NOW_S
from tests.actions.remedies.target_bench import TargetBench

QUIET = Signals((), 99.0, True, False)
KIND = "circuit_breaker"
FIRST_S = 30.0 + VERDICT_S
"""How long the first opening lasts."""


@pytest.mark.parametrize("state", ["closed", "open", "half_open", "forced_open", "disabled"])
def test_an_event_that_is_not_in_the_table_changes_nothing(state: str) -> None:
    events = {event for _, event in TRANSITIONS}
    for event in events:
        moved = move(Breaker(state, 2, NOW_S), event, "t", NOW_S)  # type: ignore[arg-type]
        assert (moved is None) == ((state, event) not in TRANSITIONS)


def test_each_opening_is_twice_as_long_up_to_a_quarter_of_an_hour_and_targets_differ() -> None:
    for n, expected_s in ((1, 30.0), (2, 60.0), (3, 120.0), (5, 480.0), (6, 900.0), (60, 900.0)):
        assert expected_s <= open_s("chat/r0", n) <= expected_s * 1.1
    assert len({open_s(f"chat/r{n}", 1) for n in range(50)}) == 50


def test_an_opening_is_forgotten_in_ten_minutes() -> None:
    closed = Breaker("closed", 3, NOW_S)
    assert [decayed(closed, NOW_S + s) for s in (599, 600, 1200, 9000)] == [3, 2, 1, 0]
    moved = move(closed, "opened", "t", NOW_S + 1200)
    assert moved is not None
    assert moved.breaker.n == 2


def test_half_open_waits_for_quiet_an_alarm_or_the_end_of_its_time() -> None:
    breaker = Breaker("half_open", 1, NOW_S)
    assert due(breaker, QUIET, NOW_S + 59) is None
    assert due(breaker, QUIET, NOW_S + 60) == "quiet"
    assert due(breaker, Signals(("i1",), 0.0, True, True), NOW_S + 1) == "alarm"
    unproven = Signals((), 99.0, False, False)
    assert due(breaker, unproven, NOW_S + PROBE_S - 1) is None
    assert due(breaker, unproven, NOW_S + PROBE_S) == "unproven"
    third = Breaker("half_open", 1, NOW_S, unproven=2)
    assert due(third, unproven, NOW_S + PROBE_S) == "given_up"
    assert due(third, Signals((), 0.0, False, True), NOW_S + PROBE_S) == "unproven"


@pytest.mark.parametrize("state", ["forced_open", "disabled"])
def test_what_people_set_has_no_timers(state: str) -> None:
    assert due(Breaker(state, 1, NOW_S, NOW_S), QUIET, NOW_S + 1e6) is None  # type: ignore[arg-type]


async def test_a_breaker_opens_probes_with_a_share_and_closes_after_a_minute_of_quiet() -> None:
    bench = TargetBench()
    bench.tell()
    await bench.execute("k1", "circuit_breaker")
    assert bench.state("circuit_breaker") == "open"
    await bench.run_for(FIRST_S + 1)
    assert bench.state("circuit_breaker") == "half_open"
    bench.tell(state="resolved")
    undo = await bench.execute("undo", "circuit_breaker", undo=True)
    assert (undo.status, undo.data["breaker_state"], bench.state("circuit_breaker")) == (
        "executed", "half_open", "half_open",
    )
    await bench.run_for(70.0)
    assert (bench.state("circuit_breaker"), bench.remedy("circuit_breaker").state) == ("closed", "undone")
    assert bench.pages() == []
    states = [each.data["breaker_state"] for each in bench.reported]
    assert states == ["half_open", "closed"]


async def test_an_undo_of_an_open_breaker_makes_it_half_open_at_once() -> None:
    bench = TargetBench()
    await bench.execute("k1", "circuit_breaker")
    undo = await bench.execute("undo", "circuit_breaker", undo=True)
    assert (undo.status, undo.data["breaker_state"]) == ("executed", "half_open")


async def test_a_gateway_without_a_share_gets_all_traffic_while_half_open() -> None:
    bench = TargetBench(probes=False)
    await bench.execute("k1", "circuit_breaker")
    await bench.execute("undo", "circuit_breaker", undo=True)
    assert bench.gateway.runs[-1] == ("closed", "undo")
    await bench.run_for(70.0)
    found = bench.remedy("circuit_breaker")
    assert found.breaker is not None
    assert (found.state, found.breaker.state, len(bench.gateway.runs)) == ("undone", "closed", 2)


async def test_a_replica_that_stays_bad_is_cut_off_for_longer_each_time_and_people_are_paged() -> None:
    bench = TargetBench()
    bench.tell()
    await bench.execute("k1", "circuit_breaker")
    opened: list[float] = []
    n = 0
    for _ in range(600):
        await bench.run_for(1.0, told=["i1"])
        breaker = bench.remedy("circuit_breaker").breaker
        assert breaker is not None
        if breaker.n > n and breaker.state == "open" and breaker.until_s is not None:
            n = breaker.n
            opened.append(breaker.until_s - breaker.since_s)
    assert opened[:4] == pytest.approx([FIRST_S, 60.0, 120.0, 240.0], rel=0.11)
    assert [event for _, event in bench.pages()] == ["breaker_reopened"] * (len(opened) - 2)
    assert bench.ledger.ineffective_runs("circuit_breaker", "chat/r0", 0.0) == 0


async def test_a_new_intent_opens_a_half_open_breaker_again() -> None:
    bench = TargetBench()
    await bench.execute("k1", "circuit_breaker")
    await bench.execute("undo", "circuit_breaker", undo=True)
    again = await bench.execute("k2", "circuit_breaker", incident_id="i2")
    assert (again.status, again.data["breaker_state"], again.data["breaker_n"]) == ("executed", "open", 2)
    assert bench.state("circuit_breaker") == "open"


async def test_a_probe_that_the_gateway_refuses_is_tried_again_and_paged() -> None:
    bench = TargetBench()
    await bench.execute("k1", "circuit_breaker")
    bench.gateway.refuses_undo = True
    bench.probes = False
    failing = bench.restart()
    await failing.run_for(40.0)
    assert [event for _, event in failing.pages()] == ["breaker_failed"]
    failing.gateway.refuses_undo = False
    await failing.run_for(15.0)
    assert failing.state("circuit_breaker") == "closed"


async def half_open(bench: TargetBench, **told: object) -> TargetBench:
    """A breaker that was opened for the incident i1, and whose first probe began."""
    bench.tell(**told)  # type: ignore[arg-type]
    await bench.execute("k1", KIND)
    await bench.run_for(FIRST_S + 1)
    assert bench.state(KIND) == "half_open"
    return bench


async def test_the_first_opening_lasts_until_its_effect_is_judged() -> None:
    bench = TargetBench()
    await bench.execute("k1", KIND, remedy=RemedyTerms(settle_s=100.0, within_s=200.0))
    await bench.run_for(100.0 + VERDICT_S - 1)
    assert bench.state(KIND) == "open"
    await bench.run_for(2.0)
    assert bench.state(KIND) == "half_open"


async def test_quiet_counts_from_the_end_of_the_last_incident_about_the_target() -> None:
    bench = await half_open(TargetBench(), alarmed_at_s=NOW_S)
    await bench.run_for(56.0)
    bench.tell(state="resolved")
    await bench.execute("undo", KIND, undo=True)
    await bench.run_for(20.0)
    bench.tell(state="resolved", title="published again after its end")
    await bench.run_for(QUIET_S - 22.0)
    assert bench.state(KIND) == "half_open"
    await bench.run_for(4.0)
    assert bench.state(KIND) == "closed"


async def test_an_incident_that_holds_nothing_keeps_it_from_closing_until_it_was_over_for_a_minute() -> None:
    bench = await half_open(TargetBench(), alarmed_at_s=NOW_S)
    bench.tell(state="resolved")
    bench.tell("other", alarmed_at_s=NOW_S)
    await bench.run_for(100.0)
    bench.tell("other", state="resolved")
    await bench.run_for(QUIET_S - 2.0)
    assert bench.state(KIND) == "half_open"
    await bench.run_for(4.0)
    assert bench.state(KIND) == "closed"


async def test_an_alarm_after_the_probe_opens_it_again_at_once_and_old_news_do_not() -> None:
    bench = await half_open(TargetBench(), alarmed_at_s=NOW_S)
    for _ in range(20):
        bench.tell(alarmed_at_s=NOW_S)
        await bench.run_for(1.0)
    assert bench.state(KIND) == "half_open"
    bench.tell(alarmed_at_s=bench.clock.now_s - 2.0)
    await bench.run_for(1.0)
    breaker = bench.remedy(KIND).breaker
    assert breaker is not None
    assert (bench.state(KIND), breaker.n) == ("open", 2)


async def test_after_a_restart_what_alarmed_before_the_probe_does_not_count() -> None:
    bench = (await half_open(TargetBench(), alarmed_at_s=NOW_S)).restart()
    bench.tell(alarmed_at_s=NOW_S)
    await bench.run_for(10.0)
    assert bench.state(KIND) == "half_open"


async def test_an_opening_that_a_new_incident_made_is_held_by_it_and_lasts() -> None:
    bench = await half_open(TargetBench(), alarmed_at_s=NOW_S)
    bench.tell(state="resolved")
    await bench.execute("undo", KIND, undo=True)
    bench.tell("i2", alarmed_at_s=bench.clock.now_s)
    await bench.run_for(1.0)
    assert bench.state(KIND) == "open"
    holders = {holder.incident_id: holder for holder in bench.remedy(KIND).holders}
    assert (holders["i1"].let_go, holders["i2"].let_go, holders["i2"].shard) == ("undone", None, 0)
    assert holders["i2"].key != holders["i1"].key
    await bench.run_for(58.0, told=())
    assert bench.state(KIND) == "open"
    await bench.run_for(8.0)
    assert bench.state(KIND) == "half_open"


async def test_an_incident_that_alarms_in_a_probe_holds_the_breaker_once() -> None:
    bench = await half_open(TargetBench(), alarmed_at_s=NOW_S)
    bench.tell(alarmed_at_s=bench.clock.now_s)
    await bench.run_for(1.0)
    assert [(one.incident_id, one.key) for one in bench.remedy(KIND).holders] == [("i1", "k1")]

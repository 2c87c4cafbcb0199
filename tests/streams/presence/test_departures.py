from __future__ import annotations

import pytest

from streams.presence.departures import Departures
from tests.streams.presence.balanced_service import BalancedService

FOUR = {"r1": 10.0, "r2": 10.0, "r3": 10.0, "r4": 10.0}


class Bench:
    """A service of four replicas, and what becomes of its fourth one."""

    def __init__(self, rate: float = 10.0) -> None:
        self.service = BalancedService()
        self.departures = Departures(self.service.traffic, 60.0)
        self.service.serve(900, **dict.fromkeys(FOUR, rate))
        self.silent_s = self.service.now_s

    def after(self, seconds: float, rate: float) -> str:
        """The state of the fourth replica after so long, in which each of the others serves so much."""
        self.service.serve(seconds, r1=rate, r2=rate, r3=rate)
        return self.departures.status(self.service.scope("r4"), 0, self.silent_s, self.service.now_s)


def test_a_replica_whose_requests_the_others_serve_has_left_and_that_is_audited_once() -> None:
    bench = Bench()
    assert bench.after(12, 40.0 / 3.0) == "left"
    (entry,) = bench.departures.take_audit()
    assert (entry.subject, entry.event, entry.after) == ("chat/- replica=r4", "leave", "left")
    assert "the others serve its requests" in entry.reason
    assert bench.after(300, 10.0) == "left"
    assert bench.departures.take_audit() == []


def test_a_replica_whose_requests_are_lost_is_lost_until_the_others_serve_them() -> None:
    bench = Bench()
    assert bench.after(12, 10.0) == "lost"
    assert bench.after(300, 10.0) == "lost"
    assert bench.departures.take_audit() == []
    assert bench.after(20, 40.0 / 3.0) == "left"
    assert "serve its requests now" in bench.departures.take_audit()[0].reason


def test_one_that_reports_again_is_judged_anew_when_it_falls_silent_again() -> None:
    bench = Bench()
    assert bench.after(12, 40.0 / 3.0) == "left"
    bench.service.serve(60, **FOUR)
    bench.silent_s = bench.service.now_s
    assert bench.after(12, 10.0) == "lost"


@pytest.mark.parametrize(("rest", "status", "audited"), [(0.32, "suspected", 0), (0.48, "left", 1)])
def test_few_requests_leave_it_open_and_then_only_a_likely_loss_is_worth_a_note(
    rest: float, status: str, audited: int,
) -> None:
    bench = Bench(0.4)
    assert bench.after(59, rest) == "undecided"
    assert bench.after(2, rest) == status
    assert len(bench.departures.take_audit()) == audited
    bench.service.now_s += 60.0
    assert bench.departures.status(bench.service.scope("r4"), 0, bench.silent_s, bench.service.now_s) == "left"


def test_one_of_which_nothing_is_known_has_left_when_it_was_silent_for_long() -> None:
    bench = Bench()
    unknown = bench.service.scope("r9")
    now_s = bench.service.now_s
    assert bench.departures.status(unknown, 0, now_s - 59.0, now_s) == "undecided"
    assert bench.departures.status(unknown, 0, now_s - 60.0, now_s) == "left"
    assert "unknown" in bench.departures.take_audit()[0].reason


def test_the_states_survive_a_restart() -> None:
    bench = Bench()
    bench.after(12, 10.0)
    again = Departures(bench.service.traffic, 60.0)
    again.load(bench.departures.dump())
    assert again.dump() == bench.departures.dump() != []
    bench.departures.drop_before(bench.service.now_s + 1.0)
    assert bench.departures.dump() == []

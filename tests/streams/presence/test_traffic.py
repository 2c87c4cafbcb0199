from __future__ import annotations

import numpy as np
import pytest

from classifiers.model import Scope
from streams.presence.traffic import PATIENCE_SPANS, Traffic
from tests.streams.presence.balanced_service import RATE, BalancedService, block

FOUR = {"r1": 10.0, "r2": 10.0, "r3": 10.0, "r4": 10.0}
THREE = {"r1": 10.0, "r2": 10.0, "r3": 10.0}


def verdict(service: BalancedService, name: str = "r4") -> str:
    return service.traffic.judge(0, name, service.now_s).verdict


def test_requests_of_a_silent_replica_are_lost_where_the_others_serve_as_before() -> None:
    service = BalancedService()
    service.serve(900, **FOUR)
    service.serve(12, **THREE)
    assert verdict(service) == "lost"


def test_they_are_taken_over_where_the_others_serve_more() -> None:
    service = BalancedService()
    service.serve(900, **FOUR)
    service.serve(12, r1=13.0, r2=14.0, r3=13.0)
    assert verdict(service) == "taken over"


def test_the_first_seconds_after_it_fell_silent_do_not_count() -> None:
    service = BalancedService(2)
    service.serve(900, r1=20.0, r2=20.0)
    service.serve(2, r1=20.0)
    assert verdict(service, "r2") == "undecided"
    service.serve(2, r1=20.0)
    assert verdict(service, "r2") == "lost"


def test_with_long_requests_more_seconds_do_not_count() -> None:
    service = BalancedService(2, latency_ms=4000.0)
    service.serve(900, r1=20.0, r2=20.0)
    service.serve(8, r1=20.0)
    assert verdict(service, "r2") == "undecided"
    service.serve(4, r1=20.0)
    assert verdict(service, "r2") == "lost"


def test_requests_that_got_slower_are_not_lost() -> None:
    service = BalancedService(latency_ms=500.0)
    service.serve(900, **FOUR)
    service.latency_ms = 4000.0
    service.serve(12, **THREE)
    assert verdict(service) == "undecided"


def test_a_replica_that_nobody_knows_or_that_just_came_is_not_judged() -> None:
    service = BalancedService()
    service.serve(900, **THREE)
    assert verdict(service, "r4") == verdict(service, "r9") == "unknown"
    service.serve(5, **FOUR)
    service.serve(10, **THREE)
    assert verdict(service) == "unknown"


def test_how_much_the_others_serve_is_a_share_of_all_before() -> None:
    service = BalancedService()
    service.serve(900, **FOUR)
    service.serve(12, **THREE)
    test = service.traffic.judge(0, "r4", service.now_s)
    assert service.traffic.serving_share(0, "r4", test, service.now_s) == pytest.approx(0.75)
    service.serve(20, r1=15.0, r2=15.0, r3=10.0)
    assert service.traffic.serving_share(0, "r4", test, service.now_s) == pytest.approx(1.0)


def scrape(service: BalancedService, per_s: dict[str, float], rounds: int) -> list[float]:
    """Exporters report one after the other, every 15 s; the totals of the whole."""
    totals = []
    for _ in range(rounds):
        for at, (name, rate) in enumerate(per_s.items()):
            found = block({0: rate, service.names[name]: rate}, service.now_s - 15.0 + at * 3.0, 15.0, 1.0)
            summed = service.traffic.with_totals(found)
            service.traffic.observe(summed, found.end_s)
            totals.append(float(summed.value[0]))
        service.now_s += 15.0
    return totals


def test_the_rate_of_a_scraped_service_is_the_sum_over_its_exporters() -> None:
    service = BalancedService(aggregated=True)
    totals = scrape(service, {"r1": 1.0, "r2": 2.0, "r3": 3.0}, 3)
    assert totals == [1.0, 3.0, 6.0] + [6.0] * 6
    assert scrape(service, {"r1": 1.0, "r2": 5.0}, 4)[-2:] == [6.0, 6.0]


def test_one_report_of_an_exporter_counts_half_in_the_sum() -> None:
    service = BalancedService(aggregated=True)
    scrape(service, {"r1": 2.0, "r2": 2.0}, 3)
    assert scrape(service, {"r1": 10.0, "r2": 2.0}, 1) == [8.0, 8.0]
    assert scrape(service, {"r1": 2.0, "r2": 2.0}, 2) == [8.0, 8.0, 4.0, 4.0]


def test_a_scraped_replica_that_is_gone_is_judged_by_its_siblings() -> None:
    service = BalancedService(aggregated=True)
    scrape(service, FOUR, 120)
    scrape(service, dict.fromkeys(THREE, 40.0 / 3.0), 7)
    assert verdict(service) == "taken over"
    lost = BalancedService(aggregated=True)
    scrape(lost, FOUR, 120)
    scrape(lost, THREE, 7)
    assert verdict(lost) == "lost"
    assert lost.traffic.patience_s(0, "r4") == 15.0 * PATIENCE_SPANS


def test_an_exporter_that_reports_no_request_is_idle_and_may_hold_some_since_a_report() -> None:
    service = BalancedService(aggregated=True)
    service.traffic.admit(50, "batch_active", Scope("chat", replica="r4"), 0, True)
    scrape(service, FOUR, 3)
    row, last_s = service.names["r4"], service.traffic.served_s(0, "r4")
    assert not service.traffic.are_idle(np.array([row])).any()
    scrape(service, FOUR | {"r4": 0.0}, 2)
    assert service.traffic.are_idle(np.array([row])).all()
    assert service.traffic.served_s(0, "r4") == last_s
    assert service.traffic.held_since_s(0, "r4") is None
    since_s = report_running(service, 7.0)
    scrape(service, FOUR | {"r4": 0.0}, 1)
    assert report_running(service, 3.0) > since_s
    assert service.traffic.held_since_s(0, "r4") == since_s
    report_running(service, 0.0)
    assert service.traffic.held_since_s(0, "r4") is None


def report_running(service: BalancedService, requests: float) -> float:
    """Replica r4 reports how many requests run in it, as row 50; returns when."""
    running = block({50: requests}, service.now_s, 15.0)
    service.traffic.observe(running, running.end_s)
    return float(running.end_s[0])


def test_a_snapshot_without_what_replicas_hold_is_read() -> None:
    service = BalancedService(aggregated=True)
    service.traffic.admit(50, "batch_active", Scope("chat", replica="r4"), 0, True)
    scrape(service, FOUR, 3)
    report_running(service, 7.0)
    rows = np.arange(51)
    state = dict(service.traffic.snapshot(rows))
    del state["state.above_zero_s"]
    service.traffic.restore(rows, state)
    assert service.traffic.held_since_s(0, "r4") is None
    assert report_running(service, 7.0) == service.traffic.held_since_s(0, "r4")


def test_only_rates_are_extensive() -> None:
    rows = BalancedService().traffic.rows
    assert (rows.is_extensive(RATE), rows.is_extensive("tokens_per_s")) == (True, True)
    assert not rows.is_extensive("preemptions_per_s")


def test_a_snapshot_goes_on_the_same_and_a_forgotten_row_is_unknown() -> None:
    service = BalancedService(latency_ms=100.0)
    service.serve(900, **FOUR)
    service.serve(12, **THREE)
    rows = np.array([0, 1, 2, 3, 4, 100], np.intp)
    again = Traffic(1.0, frozenset({RATE}))
    service.admit(again)
    again.restore(rows, service.traffic.snapshot(rows))
    assert again.judge(0, "r4", service.now_s) == service.traffic.judge(0, "r4", service.now_s)
    again.forget(np.array([4], np.intp))
    assert again.judge(0, "r4", service.now_s).verdict == "unknown"

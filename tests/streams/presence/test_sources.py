from __future__ import annotations

import pytest

from streams.presence.sources import Cause, ServiceReports, cause_of_silence


def reports(last_s: float, gap_s: float = 1.0) -> ServiceReports:
    return ServiceReports(9, last_s, gap_s)


@pytest.mark.parametrize(("aggregated", "cause"), [(False, "down"), (True, "unmonitored")])
def test_the_only_service_of_a_source_is_down_unless_an_exporter_speaks_for_it(aggregated: bool, cause: Cause) -> None:
    assert cause_of_silence([], 100.0, 103.0, aggregated) == cause


@pytest.mark.parametrize("aggregated", [False, True])
def test_a_service_is_down_while_another_goes_on(aggregated: bool) -> None:
    assert cause_of_silence([reports(100.2), reports(102.5)], 100.0, 103.0, aggregated) == "down"


def test_when_nobody_of_a_source_reports_it_is_the_source() -> None:
    assert cause_of_silence([reports(100.1), reports(100.4)], 100.0, 103.0, aggregated=False) == "source"
    assert cause_of_silence([reports(90.0, 15.0)] * 3, 100.0, 117.0, aggregated=True) == "source"


def test_others_that_report_seldom_leave_it_open_for_a_while() -> None:
    seldom = [reports(95.0, 60.0)]
    assert cause_of_silence(seldom, 100.0, 105.0, aggregated=False) == "undecided"
    assert cause_of_silence(seldom, 100.0, 111.0, aggregated=False) == "down"
    assert cause_of_silence(seldom, 100.0, 140.0, aggregated=True) == "undecided"

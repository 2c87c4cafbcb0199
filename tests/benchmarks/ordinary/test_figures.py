"""Counts become rates, and the page has all of them."""

from __future__ import annotations

import pytest

from benchmarks.ordinary.figures import Found, Healthy, Rates, Recall, by_fault, by_kind, overall
from benchmarks.ordinary.kinds.catalogue import KINDS
from benchmarks.ordinary.page import page
from tests.benchmarks.ordinary.days import fault

DAYS = [Healthy("scale-in", "native", 84.0, 1, 0, 7, 2), Healthy("scale-in", "otlp_json", 84.0, 2, 1, 0, 0)]
FOUND = [
    Found("scale-in", "native", fault("outage"), True, True, 12.0, True, True, 150.0),
    Found("scale-in", "native", fault("outage"), True, True, 16.0, False, True, None),
    Found("scale-in", "otlp_json", fault("outage"), False, True, None, False, False, 200.0),
]


def test_rates_are_by_service_week_thousand_hours_and_service_day() -> None:
    rates = Rates.of(DAYS)
    assert rates.pages_a_week == 3.0
    assert rates.pages_a_thousand_hours == pytest.approx(17.857, abs=0.001)
    assert (rates.notes_a_day, rates.alerts_a_week) == (1.0, 2.0)


def test_formats_of_a_kind_are_apart() -> None:
    assert [rates.pages for rates in by_kind(DAYS).values()] == [1, 2]


def test_delays_are_medians_of_what_was_paged() -> None:
    native, scraped = by_fault(FOUND).values()
    assert (native.count, native.paged, native.delay_s, native.alerted, native.alert_delay_s) == (2, 2, 14.0, 1, 150.0)
    assert (scraped.paged, scraped.reported, scraped.delay_s) == (0, 1, None)


def test_shares_are_of_all_faults_and_unknown_without_any() -> None:
    assert overall(Rates.of(DAYS), Recall.of(FOUND))["paged"] == pytest.approx(2 / 3)
    assert overall(Rates.of(DAYS), Recall.of([]))["paged"] is None


def test_the_page_has_every_kind_and_the_headline() -> None:
    text = page(DAYS, FOUND, KINDS, [1001])
    assert "**17.9 pages in 1,000 service-hours** (3.0 a service-week)" in text
    assert all(f"| {kind.name} |" in text for kind in KINDS)
    assert "| outage | native | 2 | 2 |" in text

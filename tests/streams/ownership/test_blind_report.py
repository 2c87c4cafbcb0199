"""What a worker says about its own blindness, over the seconds that it lasts."""

from __future__ import annotations

from itertools import pairwise

from classifiers.model import Incident
from streams.ownership.blind_report import REPEAT_EVERY_S, REPORT_AFTER_S, BlindReport

T = 1_795_420_000.0


def published(seconds: int, report: BlindReport | None = None) -> list[tuple[int, Incident]]:
    """What is published in so many seconds of blindness, with the second of it."""
    report = report or BlindReport("/tocsin/group", "w1")
    seen = ((second, report.observe(float(second), T + second)) for second in range(1, seconds + 1))
    return [(second, incident) for second, incident in seen if incident is not None]


def test_a_short_blindness_is_not_reported() -> None:
    report = BlindReport("/tocsin/group", "w1")
    assert published(int(REPORT_AFTER_S) - 1, report) == []
    assert report.observe(0.0, T + 60.0) is None


def test_the_severity_rises_while_it_lasts() -> None:
    first = dict(reversed([(incident.severity, second) for second, incident in published(700)]))
    assert first == {"P3": 30, "P2": 180, "P1": 600}


def test_it_is_one_incident_of_the_worker_and_of_no_shard() -> None:
    every = [incident for _, incident in published(700)]
    assert {(one.id, one.category, one.state, one.onset_at_s) for one in every} == {
        (every[0].id, "telemetry", "open", T),
    }
    assert every[0].title.startswith("w1: its inputs cannot be judged")


def test_it_is_repeated_while_it_lasts() -> None:
    seconds = [second for second, _ in published(700)]
    assert max(later - earlier for earlier, later in pairwise(seconds)) <= REPEAT_EVERY_S


def test_sight_resolves_it_once_and_the_next_blindness_is_another_incident() -> None:
    report = BlindReport("/tocsin/group", "w1")
    ((_, opened), *_) = published(100, report)
    resolved = report.observe(0.0, T + 101.0)
    assert resolved is not None
    assert (resolved.id, resolved.state, resolved.resolved_at_s) == (opened.id, "resolved", T + 101.0)
    assert "for 101 s" in resolved.title
    assert report.observe(0.0, T + 102.0) is None
    again = report.observe(REPORT_AFTER_S, T + 500.0)
    assert again is not None
    assert again.id != opened.id

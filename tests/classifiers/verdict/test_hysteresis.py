"""The hysteresis of a severity: when a rating takes effect, and what counts as the peak."""

from __future__ import annotations

from classifiers.model import Severity
from classifiers.verdict.hysteresis import SeverityHysteresis


def severities(story: str) -> list[tuple[Severity, Severity | None]]:
    """One digit a second; rises after 3 s, falls after 10 s."""
    hysteresis = SeverityHysteresis()
    names: dict[str, Severity] = {"0": "P0", "1": "P1", "2": "P2", "3": "P3", "4": "P4"}
    return [(hysteresis.update(names[digit], float(at), 3.0, 10.0), hysteresis.worst) for at, digit in enumerate(story)]


def test_a_severity_that_comes_and_goes_does_not_take_effect() -> None:
    assert {severity for severity, _ in severities("2222221212122122222222")} == {"P2"}


def test_a_worse_severity_takes_effect_once_it_held_and_stays_the_peak() -> None:
    assert severities("222222111133333333333333")[9] == ("P1", "P1")
    assert severities("2222221111133333333333333")[-1] == ("P3", "P1")


def test_a_milder_severity_waits_longer_than_a_worse_one() -> None:
    story = severities("1111113333333333333")
    assert [severity for severity, _ in story].count("P1") == 16


def test_a_first_severity_that_is_corrected_at_once_is_no_peak() -> None:
    assert severities("133333333")[-1] == ("P3", "P3")


def test_a_rise_that_goes_on_takes_effect_at_the_mildest_severity_of_it() -> None:
    assert severities("33332110000")[7] == ("P2", "P2")

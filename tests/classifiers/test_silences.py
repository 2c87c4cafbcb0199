"""Silences, windows and acknowledgements: whom they concern, from when, and until when."""

from __future__ import annotations

from dataclasses import replace

import pytest

from classifiers.directives import Acknowledge, Expire, Matcher, Silence
from classifiers.intervals import IntervalParams, TimeRange
from classifiers.model import Acknowledgement, Incident
from classifiers.silences import MAX_KEPT, MaintenanceWindow, Silences, fits, parse_matcher

NINE_S = 1_795_424_400.0
"""Monday 2026-11-23, 09:00 UTC."""
INCIDENT = Incident(
    id="inc-1", state="open", opened_at_s=NINE_S, onset_at_s=NINE_S - 2.0, resolved_at_s=None,
    category="performance_degradation", severity="P2", peak_severity="P1", service="chat", model="gpt", version=None,
    replica="r0", tenant=None, title="slow",
)


def silence(name: str = "s1", from_s: float = 10.0, until_s: float = 20.0, matcher: str = "service=chat") -> Silence:
    return Silence(name, (parse_matcher(matcher),), from_s, until_s, "ana", "a change")


@pytest.mark.parametrize(("text", "expected"), [
    ("service=chat", True), ('service="chat"', True), ("service=search", False), ("service!=chat", False),
    ("service!=search", True), ('service=~"ch.*"', True), ("service=~ha", False), ("service!~ch.*", False),
    ("tenant=", True), ('tenant!=""', False), ("tenant=~.+", False), ("tenant=~.*", True), ("tenant!~.+", True),
    ("replica=~r0|r1", True), ("category=performance_degradation", True), ("severity=P2", True), ("severity=P1", False),
])
def test_a_matcher_says_what_alertmanagers_says(text: str, expected: bool) -> None:
    assert fits(parse_matcher(text), INCIDENT) is expected


@pytest.mark.parametrize(("text", "parsed"), [
    (' service = "a b" ', Matcher("service", "=", "a b")),
    (r'service="a\"b\\c"', Matcher("service", "=", r'a"b\c')),
    ("tenant!~x=~y", Matcher("tenant", "!~", "x=~y")),
    ("tenant=", Matcher("tenant", "=", "")),
])
def test_a_matcher_is_read_as_alertmanager_writes_it(text: str, parsed: Matcher) -> None:
    assert parse_matcher(text) == parsed


@pytest.mark.parametrize("text", ["", "chat", "service", "colour=red", 'service="chat', "service=~(", "service={chat}"])
def test_what_is_no_matcher_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"matchers: .*, expected"):
        parse_matcher(text)


def test_a_silence_holds_from_its_beginning_until_before_its_end() -> None:
    silences = Silences()
    silences.silence(silence())
    assert [silences.silenced_by(INCIDENT, now_s) for now_s in (9.9, 10.0, 19.9, 20.0)] == [None, "s1", "s1", None]


def test_all_matchers_of_a_silence_must_fit() -> None:
    silences = Silences()
    silences.silence(replace(silence(), matchers=(parse_matcher("service=chat"), parse_matcher("replica=r1"))))
    assert silences.silenced_by(INCIDENT, 15.0) is None
    assert silences.silenced_by(replace(INCIDENT, replica="r1"), 15.0) == "s1"


def test_of_several_silences_the_one_that_began_first_is_named() -> None:
    silences = Silences()
    silences.silence(silence("late", 12.0, 30.0))
    silences.silence(silence("early", 10.0, 20.0))
    assert [silences.silenced_by(INCIDENT, now_s) for now_s in (15.0, 25.0)] == ["early", "late"]


def test_an_expired_silence_holds_no_longer_also_when_it_was_expired_before_it_came() -> None:
    silences = Silences()
    silences.silence(silence("s1"))
    assert silences.silenced_by(INCIDENT, 12.0) == "s1"
    silences.expire(Expire("s1", "ana", 13.0))
    silences.expire(Expire("s2", "ana", 5.0))
    silences.silence(silence("s2"))
    assert [silences.silenced_by(INCIDENT, now_s) for now_s in (12.9, 13.0)] == ["s1", None]


def test_a_maintenance_window_silences_what_it_concerns_and_comes_first() -> None:
    silences = Silences([MaintenanceWindow(
        "nightly", (IntervalParams(times=(TimeRange("09:00", "09:30"),)),), ("service=chat",),
    )])
    silences.silence(silence("s1", NINE_S - 60.0, NINE_S + 3600.0))
    inside = [silences.silenced_by(INCIDENT, NINE_S + after_s) for after_s in (-0.5, 0.0, 1799.5, 1800.0)]
    assert inside == ["s1", "nightly", "nightly", "s1"]
    assert silences.silenced_by(replace(INCIDENT, service="search"), NINE_S + 1800.0) is None


def test_a_window_without_matchers_silences_everything() -> None:
    silences = Silences([MaintenanceWindow("always", (IntervalParams(),))])
    assert silences.silenced_by(replace(INCIDENT, service="search"), 0.0) == "always"


@pytest.mark.parametrize(("name", "intervals", "matchers", "place"), [
    ("", (IntervalParams(),), (), "name: ''"), ("w", (), (), "time_intervals: none"),
    ("w", (IntervalParams(),), ("colour=red",), "matchers: 'colour=red'"),
])
def test_a_window_that_cannot_be_meant_is_refused(
    name: str, intervals: tuple[IntervalParams, ...], matchers: tuple[str, ...], place: str,
) -> None:
    with pytest.raises(ValueError, match=place):
        MaintenanceWindow(name, intervals, matchers)


def test_an_acknowledgement_holds_until_its_end_and_the_last_one_counts() -> None:
    silences = Silences()
    silences.acknowledge(Acknowledge("inc-1", "ben", 12.0, 30.0))
    silences.acknowledge(Acknowledge("inc-1", "ana", 10.0, 40.0))
    held = Acknowledgement("ben", 12.0, 30.0)
    assert [silences.acknowledged("inc-1", now_s) for now_s in (11.9, 12.0, 29.9, 30.0)] == [None, held, held, None]
    assert silences.acknowledged("inc-2", 15.0) is None


def test_what_was_dumped_holds_again() -> None:
    silences = Silences()
    silences.silence(silence("s1"))
    silences.silence(silence("s2", 14.0, 30.0, 'tenant!~"a.*"'))
    silences.expire(Expire("s1", "ana", 13.0))
    silences.expire(Expire("s3", "ana", 13.0))
    silences.acknowledge(Acknowledge("inc-1", "ana", 10.0, 40.0))
    again = Silences()
    again.load(silences.dump())
    again.silence(silence("s3", 15.0, 40.0))
    assert [again.silenced_by(INCIDENT, now_s) for now_s in (12.0, 13.0, 15.0, 35.0)] == ["s1", None, "s2", None]
    assert again.acknowledged("inc-1", 12.0) == Acknowledgement("ana", 10.0, 40.0)


def test_a_dump_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="silences"):
        Silences().load({"silences": [{"id": "s1"}], "expired_s": {}, "acknowledged": []})


def test_what_is_over_is_forgotten_and_what_ends_first_gives_way() -> None:
    silences = Silences()
    silences.silence(silence("over", 0.0, 5.0))
    for number in range(MAX_KEPT + 1):
        silences.silence(silence(f"s{number}", 0.0, 100.0 + number, f"service=of{number}"))
        silences.acknowledge(Acknowledge(f"inc-{number}", "ana", 0.0, 100.0 + number))
    silences.drop_ended(10.0)
    kept = silences.dump()
    assert len(kept["silences"]) == len(kept["acknowledged"]) == MAX_KEPT
    assert silences.silenced_by(replace(INCIDENT, service="of0"), 10.0) is None
    assert silences.silenced_by(replace(INCIDENT, service="of1"), 10.0) == "s1"

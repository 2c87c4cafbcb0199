"""Directives refuse what cannot be meant, and say when and about what they are."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan

import pytest

from classifiers.directives import (
    Acknowledge,
    Deployment,
    Directive,
    Expire,
    Feedback,
    Label,
    Matcher,
    Operator,
    Silence,
)
from classifiers.expectations import Expectation

CHAT = (Matcher("service", "=", "chat"),)
SLOWER = (Expectation("latency_ms", "<=", 1.7, True),)


def test_every_directive_says_its_time_its_subject_and_an_id_of_its_own() -> None:
    said: list[Directive] = [
        Silence("s1", CHAT, 10.0, 20.0, "ana", ""), Expire("s1", "ana", 11.0), Acknowledge("inc-1", "ana", 12.0, 20.0),
        Feedback("f1", "inc-1", "ana", 13.0, None, None, True), Deployment("chat", None, "v2", 14.0),
    ]
    assert [(each.at_s, each.subject) for each in said] == [
        (10.0, "s1"), (11.0, "s1"), (12.0, "inc-1"), (13.0, "inc-1"), (14.0, "chat"),
    ]
    assert len({each.id for each in said}) == len(said)


def test_two_people_who_acknowledge_at_once_are_two() -> None:
    assert Acknowledge("inc-1", "ana", 1.0, 2.0).id != Acknowledge("inc-1", "ben", 1.0, 2.0).id


@pytest.mark.parametrize(("make", "place"), [
    (lambda: Silence("", CHAT, 0.0, 1.0, "ana", ""), "silence: id"),
    (lambda: Silence("s1", (), 0.0, 1.0, "ana", ""), "silence: 0 matchers"),
    (lambda: Silence("s1", CHAT, 1.0, 1.0, "ana", ""), "silence: until_s"),
    (lambda: Silence("s1", CHAT, 1.0, inf, "ana", ""), "silence: until_s inf"),
    (lambda: Silence("s1", CHAT, 1.0, 2.0, "", ""), "silence: by"),
    (lambda: Silence("s1", CHAT, 1.0, 2.0, "ana", "x" * 1001), "silence: comment of 1001"),
    (lambda: Expire("s1", "ana", nan), "expire: at_s nan"),
    (lambda: Acknowledge("inc-1", "ana", 5.0, 4.0), "acknowledge: until_s 4.0"),
    (lambda: Feedback("f1", "inc-1", "ana", 1.0, None, None, True, {"breadth": nan}), "feedback: features.breadth"),
    (lambda: Feedback("f1", "inc-1", "ana", 1.0, None, None, True, {}, -1.0), "feedback: resolve_s -1.0"),
    (lambda: Deployment("chat", None, "", 1.0), "deployment: version"),
    (lambda: Deployment("chat", None, "v2", 1.0, SLOWER), "deployment: until_s is missing"),
    (lambda: Deployment("chat", None, "v2", 1.0, (), 2.0), "deployment: until_s 2.0 without anything expected"),
    (lambda: Deployment("chat", None, "v2", 2.0, SLOWER, 2.0), "deployment: until_s 2.0, expected a time after"),
    (lambda: Deployment("chat", None, "v2", 0.0, SLOWER, 1e6), "deployment: expected for 1000000 s, expected at most"),
    (lambda: Deployment("chat", None, "v2", 0.0, 33 * SLOWER, 1.0), "deployment: 33 expectations, expected at most 32"),
    (lambda: Feedback("f1", "inc-1", "ana", 1.0, None, None, True, expected=True, until_s=2.0), "both confirmed and"),
    (lambda: Feedback("f1", "inc-1", "ana", 1.0, None, None, False, expected=True), "feedback: until_s is missing"),
])
def test_what_cannot_be_meant_is_refused_with_the_field(make: Callable[[], Directive], place: str) -> None:
    with pytest.raises(ValueError, match=place):
        make()


@pytest.mark.parametrize(("name", "op", "value", "expected"), [
    ("colour", "=", "red", "name 'colour', expected one of service"),
    ("service", "==", "chat", "operator '=='"),
    ("service", "=~", "(", "expected a regular expression"),
    ("service", "=", "x" * 1001, "expected at most 1000"),
])
def test_a_matcher_that_fits_nothing_known_is_refused(name: Label, op: Operator, value: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        Matcher(name, op, value)

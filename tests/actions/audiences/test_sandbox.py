"""A template can only show values: everything else is refused, with its line."""

from __future__ import annotations

import pytest

from actions.audiences.audience import Reach
from actions.audiences.decide import History
from actions.audiences.message import audience_text, messages_of
from actions.audiences.sandbox import MAX_OUTPUT, TemplateError, Value, faults, render
from actions.audiences.values import VARIABLES, values_of
from tests.actions.audiences.cases import T, audience, incident

NAMES = frozenset({"title", "tenants"})
VALUES: dict[str, Value] = {"title": "t" * 200, "tenants": tuple("abcdefghijklmnopqrst")}


@pytest.mark.parametrize(
    ("source", "line", "part"),
    [
        ("ok\n{{ titel }}", 2, "the variable 'titel'"),
        ("{{ title.__class__ }}", 1, "the attribute .__class__"),
        ("{{ title['x'] }}", 1, "getitem"),
        ("a\nb\n{{ title.upper() }}", 3, "call"),
        ("{{ title * 99999999 }}", 1, "mul"),
        ("{% set x = title %}", 1, "assign"),
        ("{% include 'x' %}", 1, "include"),
        ("{% macro m() %}{% endmacro %}", 1, "macro"),
        ("{% for x in range(9) %}{% endfor %}", 1, "the variable 'range'"),
        ("{{ title|map('x') }}", 1, "the filter 'map'"),
        ("{% for a in title %}{% for b in title %}{% for c in title %}x{% endfor %}{% endfor %}{% endfor %}", 1,
         "a loop within 2 loops"),
        ("a\n{% if title %}", 2, "Unexpected end of template"),
        ("x" * 20_001, 1, "20001 characters"),
    ],
)
def test_what_a_template_may_not_do_is_a_fault_with_its_line(source: str, line: int, part: str) -> None:
    found = faults(source, NAMES)
    assert any(fault.line == line and part in fault.value for fault in found), found


def test_a_template_without_a_fault_has_none() -> None:
    assert faults("{{ title }}\n{% for t in tenants %}{{ loop.index }} {{ t|upper }}{% endfor %}", NAMES) == []


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ("{% for a in title %}{% for b in tenants %}xxx{% endfor %}{% endfor %}", f"more than {MAX_OUTPUT} characters"),
        ("  \n ", "an empty text"),
        ("{{ title - 1 }}", "unsupported operand"),
    ],
)
def test_what_only_shows_when_it_is_rendered_is_refused_then(source: str, part: str) -> None:
    with pytest.raises(TemplateError, match=part):
        render(source, VALUES)


def test_the_first_line_is_the_title_and_unknown_is_said() -> None:
    text = render("{{ a }} b\n\n\n\nc {{ n }}  \n", {"a": "x", "n": None})
    assert (text.title, text.body) == ("x b", "c unknown")


def test_values_have_exactly_the_names_that_templates_are_checked_against() -> None:
    assert values_of(audience(), incident(), "open", History(), T).keys() == VARIABLES


def test_times_are_told_in_utc_and_in_the_zone_of_the_audience() -> None:
    known = audience("executive", Reach(every_s=1800.0), zone="Asia/Tokyo")
    text = audience_text(known, incident(), "open", History(), T).text
    assert "Next update: 2026-11-23 08:30 UTC (17:30 Asia/Tokyo)." in text.body


def test_each_channel_and_recipient_gets_a_message_with_an_id_of_its_own_that_stays() -> None:
    known = audience(via=("mail", "slack"), to=("a@x", "b@x"))
    text = audience_text(known, incident(), "open", History(), T).text
    first = list(messages_of(known, incident(), "open", text, "/tocsin/x"))
    assert [(channel, one.recipient) for channel, one in first] == [
        ("mail", "a@x"), ("mail", "b@x"), ("slack", "a@x"), ("slack", "b@x"),
    ]
    assert len({one.id for _, one in first}) == 4
    assert first == list(messages_of(known, incident(), "open", text, "/tocsin/x"))
    assert {one.id for _, one in messages_of(known, incident(), "open", text, "/tocsin/x", "2")} & {
        one.id for _, one in first} == set()

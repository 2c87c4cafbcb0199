"""A tick comes back from the log as it was written, and what is no tick is refused with its place."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.model import Incident, Related
from streams.contracts.ticks import FORMAT, Tick, TickError, decode_tick, encode_tick
from tests.streams.contracts.signed import DIRECTIVES, T
from tests.streams.contracts.strategies import incidents, offset, stamp
from tests.streams.fakes import incident

PLAIN = Tick(3, T, {"latency": 17, "outcomes": 0})
FULL = replace(
    PLAIN, close_until_s=T - 2.0, flush=("scrapes", "other"), directives=tuple(DIRECTIVES),
    incidents=(incident(related=(Related("inc-2", "caused_by"),)),), lost=(incident(id="inc-3"), incident(id="inc-4")),
    begins={"latency": 4}, anew=True, config_hash="96658cf660be",
    ignored=((3, 4), (7, 19)),
)


@pytest.mark.parametrize("tick", [PLAIN, FULL, replace(PLAIN, offsets={}), replace(PLAIN, close_until_s=0.0)])
def test_a_tick_comes_back_as_it_was_written(tick: Tick) -> None:
    assert decode_tick(encode_tick(tick)) == tick


@pytest.mark.parametrize("directive", DIRECTIVES, ids=lambda directive: type(directive).__name__)
def test_every_kind_of_directive_comes_back_as_it_was_written(directive: object) -> None:
    tick = replace(PLAIN, directives=(directive,))  # type: ignore[arg-type]
    assert decode_tick(encode_tick(tick)).directives == (directive,)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**40), stamp, st.dictionaries(st.text(), offset, max_size=3), st.none() | stamp,
    st.lists(incidents, max_size=2).map(tuple), st.lists(incidents, max_size=2).map(tuple),
    st.dictionaries(st.text(), offset, max_size=3), st.booleans(), st.none() | st.text(),
)
def test_any_tick_comes_back_as_it_was_written(
    generation: int, at_s: float, offsets: dict[str, int], until_s: float | None, remote: tuple[Incident, ...],
    lost: tuple[Incident, ...], begins: dict[str, int], anew: bool, config_hash: str | None,
) -> None:
    tick = Tick(generation, at_s, offsets, until_s, (), (), remote, lost, begins, anew, config_hash)
    assert decode_tick(encode_tick(tick)) == tick


def test_a_tick_without_directives_and_incidents_is_small() -> None:
    assert len(encode_tick(replace(PLAIN, close_until_s=T))) <= 130


@pytest.mark.parametrize(("parts", "is_empty"), [
    ({}, True), ({"close_until_s": 0.0}, False), ({"flush": ("a",)}, False), ({"directives": FULL.directives}, False),
    ({"incidents": FULL.incidents}, False), ({"lost": FULL.lost}, False), ({"offsets": {"a": 99}}, True),
    ({"begins": {"a": 9}, "anew": True, "config_hash": "x"}, True),
])
def test_a_tick_is_empty_when_it_has_no_effect_but_its_time(parts: dict[str, object], is_empty: bool) -> None:
    assert replace(PLAIN, **parts).is_empty is is_empty  # type: ignore[arg-type]


def changed(**fields: object) -> bytes:
    """A tick as it is written, with other fields; None removes one."""
    written = {**orjson.loads(encode_tick(FULL)), **fields}
    return orjson.dumps({name: value for name, value in written.items() if value is not None})


@pytest.mark.parametrize(("value", "message"), [
    (None, "empty value, expected a JSON object"),
    (b"", "value: b'', expected JSON ("),
    (b"{", "value: b'{', expected JSON ("),
    (b"[]", "value: a list, expected a mapping"),
    (changed(format=FORMAT + 1), f"format {FORMAT + 1}, expected {FORMAT}"),
    (changed(format=None), "format: missing, expected this field"),
    (changed(generation="three"), "generation: "),
    (changed(generation=1.5), "generation: "),
    (changed(at_s=None), "at_s: missing, expected this field"),
    (changed(offsets=None), "offsets: missing, expected this field"),
    (changed(offsets={"a": "x"}), "offsets.a: "),
    (changed(close_until_s="soon"), "close_until_s: "),
    (changed(directives=[["noise", {}]]), "directives: kind 'noise', expected one of "),
    (changed(directives=[["tocsin.control.expire", {}]]), "directives"),
    (changed(directives=[["x"]]), "directives.0"),
    (changed(incidents=[{"id": "x"}]), "incidents.0.state: missing, expected this field"),
    (changed(lost=[17]), "lost.0: "),
    (changed(begins={"a": "x"}), "begins.a: "),
    (changed(anew="perhaps"), "anew: "),
    (changed(config_hash=1), "config_hash: "),
])
def test_what_is_no_tick_of_this_format_is_refused_with_its_place(value: bytes | None, message: str) -> None:
    with pytest.raises(TickError) as caught:
        decode_tick(value)
    assert str(caught.value).startswith(message)


def test_a_directive_with_bad_fields_is_refused_with_its_kind() -> None:
    (name, _), *_ = orjson.loads(encode_tick(replace(PLAIN, directives=(DIRECTIVES[0],))))["directives"]
    with pytest.raises(TickError, match=rf"^directives\.{name}: until_s: missing, expected this field"):
        decode_tick(changed(directives=[[name, {"id": "s", "matchers": [], "from_s": 0.0, "by": "a", "comment": ""}]]))


def test_a_later_release_may_add_fields() -> None:
    assert decode_tick(changed(of_the_future=1)) == FULL


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["format", "generation", "at_s", "offsets", "directives", "lost"]), inner, max_size=5,
    ), max_leaves=8,
).map(orjson.dumps))
def test_reading_raises_nothing_else(value: bytes) -> None:
    with suppress(TickError):
        assert decode_tick(value).generation >= -(2**63)

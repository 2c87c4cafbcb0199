"""Causal rules: which shift explains which, how large the effect may be, and where it may show."""

from __future__ import annotations

import pytest

from classifiers.causes.causal_rules import (
    CAUSAL_ORDER,
    EFFECTS,
    FULLER_BATCH,
    SMALL_DELAY,
    Shift,
    connected,
    explains,
    place_of,
)
from classifiers.evidence.attribution import WHOLE, Attribution
from classifiers.evidence.evidence_table import ABSENCE, GAP, Signal
from classifiers.model import Direction

R0, R1 = Attribution("replica", "r0", 1.0), Attribution("replica", "r1", 1.0)
CODE, PROSE = Attribution("tenant", "code", 1.0), Attribution("tenant", "prose", 1.0)


def shift(signal: Signal, part: Attribution = WHOLE, size: float = 0.1, direction: Direction = "up") -> Shift:
    return Shift(signal, direction, part, size)


def test_an_effect_before_its_cause_in_the_causal_order_may_cause_it_too() -> None:
    rank = {signal: place for place, signal in enumerate(CAUSAL_ORDER)}
    upstream = {(cause, effect) for cause in EFFECTS for effect in EFFECTS[cause] if rank[effect] <= rank[cause]}
    assert ("errors", "tokens_in") in upstream
    assert [(cause, effect) for cause, effect in upstream if cause not in EFFECTS[effect]] == []


@pytest.mark.parametrize(
    ("cause", "effect", "explained"),
    [
        ("tokens_in", "first_token", True),
        ("first_token", "tokens_in", False),
        ("queueing", "latency", True),
        ("latency", "queueing", False),
        ("quality", "errors", False),
        ("context", "errors", False),
        ("saturation", "decode", False),
        ("queueing", "tokens_in", False),  # possible, but tokens_in comes first from cause to effect
        ("other", "latency", False),
        ("latency", "latency", False),
    ],
)
def test_a_shift_explains_its_effects_downstream_and_nothing_upstream(
    cause: Signal, effect: Signal, explained: bool,
) -> None:
    assert explains(shift(cause), shift(effect), leads=True) == explained


def test_less_traffic_is_another_node_than_more() -> None:
    more, less = shift("traffic"), shift("traffic", direction="down")
    assert (more.node, less.node) == ("traffic", "lull")
    assert explains(more, shift("latency"), leads=False)
    assert not explains(less, shift("latency"), leads=False)
    assert explains(shift("latency"), less, leads=False)


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [("inputs", "quality", True), ("breach", "decode", False), ("cache", "saturation", True), ("other", GAP, False)],
)
def test_two_shifts_are_connected_if_either_may_cause_the_other(one: Signal, other: Signal, found: bool) -> None:
    assert connected(shift(one, R0), shift(other, CODE)) == found
    assert connected(shift(other, CODE), shift(one, R0)) == found


@pytest.mark.parametrize(
    ("cause", "direction", "effect", "limit"),
    [
        ("quality", "down", "latency", SMALL_DELAY),
        ("inputs", "up", "decode", SMALL_DELAY),
        ("tokens_in", "down", "latency", SMALL_DELAY),
        ("tokens_out", "down", "queueing", SMALL_DELAY),
        (ABSENCE, "down", "decode", FULLER_BATCH),
    ],
)
def test_an_effect_above_its_limit_is_not_explained(
    cause: Signal, direction: Direction, effect: Signal, limit: float,
) -> None:
    reason = shift(cause, direction=direction)
    assert explains(reason, shift(effect, size=limit), leads=True)
    assert not explains(reason, shift(effect, size=limit + 0.01), leads=True)


@pytest.mark.parametrize(
    ("cause", "direction", "effect"),
    [
        ("tokens_in", "up", "latency"), ("inputs", "up", "errors"), (ABSENCE, "down", "latency"),
        ("quality", "down", GAP),
    ],
)
def test_other_effects_may_be_of_any_size(cause: Signal, direction: Direction, effect: Signal) -> None:
    assert explains(shift(cause, direction=direction), shift(effect, size=9.0), leads=True)


@pytest.mark.parametrize(
    ("cause", "effect", "place"),
    [
        (R0, R0, "same part"), (WHOLE, WHOLE, "same part"), (R0, WHOLE, "part to whole"), (WHOLE, R0, "whole to part"),
        (R0, R1, "siblings"), (R0, CODE, "other dimension"),
        (R0, Attribution("replica", "r0", 0.3), "same part"),
    ],
)
def test_places_follow_from_the_two_parts(cause: Attribution, effect: Attribution, place: str) -> None:
    assert place_of(cause, effect) == place


@pytest.mark.parametrize(
    ("cause", "effect", "leads", "explained"),
    [
        # In the same part every effect is explained.
        (shift("quality", CODE), shift("tokens_out", CODE), False, True),
        # The load of a part is shared by all, the content of its answers is not.
        (shift("tokens_in", CODE), shift("latency"), False, True),
        (shift("tokens_in", CODE), shift("traffic", direction="down"), False, True),
        (shift("inputs", CODE), shift("latency"), False, False),
        (shift("tokens_in", CODE), shift("quality"), False, False),
        # Where the part leads on the effect too, it explains what the whole shows.
        (shift("inputs", CODE), shift("quality"), True, True),
        # What sends traffic elsewhere explains more of it.
        (shift(ABSENCE, R0), shift("traffic"), False, True),
        (shift("attack", CODE), shift("traffic"), False, False),
    ],
)
def test_a_part_explains_what_the_whole_shows(cause: Shift, effect: Shift, leads: bool, explained: bool) -> None:
    assert explains(cause, effect, leads) == explained


@pytest.mark.parametrize(
    ("cause", "effect", "leads", "explained"),
    [
        # All replicas get the same load, but not all have the same capacity for it.
        (shift("traffic"), shift("latency", R0), False, True),
        (shift("traffic"), shift("errors", R0), False, True),
        (shift("traffic"), shift("latency", CODE), False, True),
        (shift("traffic"), shift("errors", CODE), False, False),
        (shift("traffic"), shift("decode", R0), False, False),
        # Slow decoding of one replica is explained by load only where that replica leads on the load.
        (shift("decode"), shift("errors", CODE), True, True),
        (shift("decode"), shift("errors", CODE), False, False),
        (shift("traffic"), shift("errors", CODE), True, False),
        (shift("inputs"), shift("quality", CODE), True, False),
    ],
)
def test_the_whole_explains_what_a_part_shows(cause: Shift, effect: Shift, leads: bool, explained: bool) -> None:
    assert explains(cause, effect, leads) == explained


@pytest.mark.parametrize(
    ("cause", "effect", "explained"),
    [
        (shift(ABSENCE, R0), shift("traffic", R1), True),
        (shift(ABSENCE, R0), shift("latency", R1), True),
        (shift("errors", R0), shift("traffic", R1, direction="down"), True),
        (shift(ABSENCE, R0), shift("tokens_in", R1), False),
        (shift("decode", R0), shift("latency", R1), False),
        (shift("tokens_in", CODE), shift("latency", PROSE), False),
    ],
)
def test_only_rerouted_traffic_explains_what_a_sibling_shows(cause: Shift, effect: Shift, explained: bool) -> None:
    assert {explains(cause, effect, leads) for leads in (False, True)} == {explained}


@pytest.mark.parametrize(
    ("cause", "effect", "leads", "explained"),
    [
        (shift("tokens_in", CODE), shift("latency", R0), True, True),
        (shift("tokens_in", CODE), shift("latency", R0), False, False),
        (shift("inputs", CODE), shift("latency", R0), True, False),
        (shift("tokens_in", CODE), shift("quality", R0), True, False),
    ],
)
def test_across_dimensions_shared_load_explains_where_the_part_leads_on_both(
    cause: Shift, effect: Shift, leads: bool, explained: bool,
) -> None:
    assert explains(cause, effect, leads) == explained

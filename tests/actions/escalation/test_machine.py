"""The table of states: what it allows, and what every other pair does."""

from __future__ import annotations

from itertools import product
from typing import get_args

from actions.escalation.machine import TRANSITIONS, EscalationEvent, EscalationState, is_allowed, next_state


def test_a_pair_that_is_not_in_the_table_changes_nothing() -> None:
    for state, event in product((None, *get_args(EscalationState)), get_args(EscalationEvent)):
        if (state, event) not in TRANSITIONS:
            assert next_state(state, event) == state
            assert is_allowed(state, event) == (event in ("hand_over", "page") and state is not None)


def test_every_state_can_be_reached_and_leads_to_closed_which_is_the_end() -> None:
    reached = {None} | set(TRANSITIONS.values())
    assert reached == {None, *get_args(EscalationState)}
    assert {state for (state, event) in TRANSITIONS if event == "close"} == reached - {None, "closed"}
    assert not any(state == "closed" for state, _ in TRANSITIONS)

"""Somebody is to review a decision without approval."""

from __future__ import annotations

from actions.reviews.broken_glass import glass_item
from tests.actions.approvals.cases import Case, T, decided, suggested


def test_the_item_names_who_decided_and_why_and_is_the_same_for_the_same_decision() -> None:
    case = Case(suggested())
    case.at(T + 1.0)
    case.decide(decided(suggested(), "cleo", "break_glass", comment="checkout is down"))
    change = case.changes[-1]
    assert change.broken_glass is not None
    item = glass_item(change.request, change.broken_glass)
    assert (item.incident_id, item.state, item.owner, item.by) == ("inc-1", "open", None, "tocsin")
    assert item.text == "Review why cleo broke the glass for throttle on chat/v2: checkout is down"
    assert item.id.startswith("auto-")
    assert glass_item(change.request, change.broken_glass) == item

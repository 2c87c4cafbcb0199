"""Lines of a review become action items, whatever a person writes there."""

import pytest

from streams.review.items import items_of


@pytest.mark.parametrize(("line", "text", "owner"), [
    ("- [ ] Pin it (owner: ana, due: 2026-12-01)", "Pin it", "ana"),
    ("  * [x] Pin (all of) it (owner: ana)  ", "Pin (all of) it", "ana"),
    ("- [ ] Pin it (soon)", "Pin it (soon)", None),
    ("- [ ] Pin (owner: ana) it", "Pin (owner: ana) it", None),
    ("- [ ] (owner: ana)", "(owner: ana)", None),
])
def test_what_stands_in_parentheses_at_the_end_are_terms(line: str, text: str, owner: str | None) -> None:
    ((item,), _) = items_of("inc-1", line)
    assert (item.text, item.owner) == (text, owner)


@pytest.mark.parametrize("line", ["", "- [ ]   ", "- [] Pin it", "Pin it", "     - [ ] indented too far"])
def test_another_line_is_none(line: str) -> None:
    assert items_of("inc-1", line) == ([], [])


@pytest.mark.parametrize("rest", [":" * 1_000_000, " " * 1_000_000 + "x", "(" * 1_000_000, " (" * 500_000 + ":"])
def test_a_long_line_is_read_in_time_linear_in_its_length(rest: str) -> None:
    """In quadratic time it would not end before the tests' own limit."""
    ((item,), _) = items_of("inc-1", f"- [ ] x ({rest}")
    assert item.owner is None

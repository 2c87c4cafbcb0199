"""Patterns from outside: linear time whatever the pattern, and a clear refusal of what RE2 does not know."""

from __future__ import annotations

import pytest
import re2  # type: ignore[import-untyped]

from detectors.regex import MAX_MEMORY_BYTES, compiled, matches

EXPONENTIAL = ("(a+)+$", "(a|a)*b", "(a|aa)+b", "([a-z]+)*!", "(.*a){20}b", "(a?){30}a{30}b")
"""Patterns for which Python's `re` needs longer than a person lives to refuse 10,000 letters and a digit."""


@pytest.mark.parametrize("pattern", EXPONENTIAL)
def test_a_hostile_pattern_answers_of_a_label_of_10_000_characters(pattern: str) -> None:
    assert not matches(pattern, "a" * 10_000 + "1")


def test_what_matches_is_re2_with_bounded_memory() -> None:
    """So the time is linear by construction, and a program cannot have millions of steps for each character."""
    regex = compiled("(a+)+$")
    assert type(regex).__module__ == re2.__name__
    assert regex.options.max_mem == MAX_MEMORY_BYTES  # type: ignore[attr-defined]


@pytest.mark.parametrize(("pattern", "reason"), [
    (r"(a)\1", r"invalid escape sequence: \\1; RE2 has no look-around, no back references"),
    ("(?!a)b", r"invalid perl operator: \(\?!; RE2 has no look-around"),
    ("(?<=a)b", "RE2 has no look-around"),
    ("(?>a)b", "no atomic or possessive groups"),
    ("a++", "bad repetition operator"),
    ("(", "missing"),
    ("((a{100}){100}){10}", "invalid repetition size"),
    (r"(((.?.?.?.?)*){1000})b", "pattern too large"),
    ("\udcff", "is no Unicode text"),
])
def test_what_re2_does_not_know_is_refused_with_the_reason(pattern: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        compiled(pattern)


def test_the_whole_text_must_fit() -> None:
    assert [matches("r0|r1", text) for text in ("r0", "r10", "xr0", "")] == [True, False, False, False]

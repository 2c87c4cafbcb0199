"""Checks of fields that all directives have; each raises `ValueError` with field, value and what was expected."""

from __future__ import annotations

from math import isfinite
from typing import Literal, get_args

Via = Literal["cli", "http", "slack"]
"""The path by which a person acts."""
Vendor = Literal["pagerduty", "servicenow"]
"""Where people act who work at a vendor: they resolve and assign incidents there, and decide nothing else."""
Path = Literal[Via, Vendor]
ALL_PATHS: tuple[str, ...] = get_args(Path)
MAX_TEXT = 1000
"""Characters of a comment, a name or a regular expression at most."""


def named(directive: str, /, **given: str) -> None:
    """Raises `ValueError` for a name that is empty or too long."""
    for name, text in given.items():
        if not text or len(text) > MAX_TEXT:
            raise ValueError(f"{directive}: {name} {text[:40]!r}, expected 1 to {MAX_TEXT} characters")


def texts(directive: str, /, **given: str) -> None:
    """Raises `ValueError` for a text that is too long."""
    for name, text in given.items():
        if len(text) > MAX_TEXT:
            raise ValueError(f"{directive}: {name} of {len(text)} characters, expected at most {MAX_TEXT}")


def finite(directive: str, /, **numbers: float) -> None:
    """Raises `ValueError` for a number that is not finite."""
    for name, number in numbers.items():
        if not isfinite(number):
            raise ValueError(f"{directive}: {name} {number!r}, expected a finite number")


def period(directive: str, begin: str, from_s: float, until_s: float) -> None:
    """Raises `ValueError` for a period that does not end after it begins."""
    finite(directive, **{begin: from_s, "until_s": until_s})
    if until_s <= from_s:
        raise ValueError(f"{directive}: until_s {until_s!r}, expected a time after {begin} {from_s!r}")


def of_person(
    directive: str, by: str, via: str, at_s: float, comment: str, paths: tuple[str, ...] = get_args(Via), /,
    **names: str,
) -> None:
    """Check what each directive of a person has. Raises `ValueError`.

    paths: by which people may ask for it. names: other fields that must not be empty.
    """
    named(directive, by=by, **names)
    texts(directive, comment=comment)
    finite(directive, at_s=at_s)
    if via not in paths:
        raise ValueError(f"{directive}: via {via!r}, expected one of {', '.join(paths)}")

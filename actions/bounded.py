"""Dictionaries with a bound, from the oldest entry to the newest. Pure."""

from __future__ import annotations

from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


def remember(known: dict[K, V], key: K, value: V, limit: int) -> None:
    """Set a value as the newest one, and drop the oldest beyond the limit.

    >>> known = {"a": 1, "b": 2}
    >>> remember(known, "a", 3, 2); remember(known, "c", 4, 2); known
    {'a': 3, 'c': 4}
    """
    known.pop(key, None)
    known[key] = value
    while len(known) > limit:
        del known[next(iter(known))]

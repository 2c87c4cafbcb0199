"""How often the same thing is logged: once, and then at intervals with how often it happened meanwhile. Pure."""

from __future__ import annotations

from collections.abc import Hashable

EVERY_S = 60.0


class RepeatLimit:
    """By kind, when it was told last, and what was not told since. Kinds are few. every_s: between two tellings."""

    def __init__(self, every_s: float = EVERY_S) -> None:
        self._every_s = every_s
        self._told_s: dict[Hashable, float] = {}
        self._untold: dict[Hashable, int] = {}

    def count(self, kind: Hashable, now_s: float, count: int = 1) -> int | None:
        """How often it happened since it was told last, this time included; None when it is not to be told yet."""
        total = self._untold.get(kind, 0) + count
        told_s = self._told_s.get(kind)
        if told_s is not None and now_s - told_s < self._every_s:
            self._untold[kind] = total
            return None
        self._told_s[kind], self._untold[kind] = now_s, 0
        return total

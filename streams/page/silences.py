"""The silences that were created, and what ended them, as JSON. Pure.

Memory: `MAX_KEPT` of each; the oldest leave first. Duplicate: the first record of an id counts.
"""

from __future__ import annotations

from typing import Any

from actions.bounded import remember
from classifiers.directives import Expire, Silence

MAX_KEPT = 1_000


class KnownSilences:
    """See the module."""

    def __init__(self) -> None:
        self._silences: dict[str, Silence] = {}
        self._ended_s: dict[str, float] = {}

    def add(self, directive: Silence | Expire) -> bool:
        """Whether it is news."""
        known: dict[str, Any] = self._silences if isinstance(directive, Silence) else self._ended_s
        name = directive.id if isinstance(directive, Silence) else directive.silence_id
        if name in known:
            return False
        remember(known, name, directive if isinstance(directive, Silence) else directive.at_s, MAX_KEPT)
        return True

    def rows(self) -> list[dict[str, Any]]:
        """Each with when it ends or ended, by its beginning."""
        return [
            {
                "id": one.id, "by": one.by, "comment": one.comment, "from_s": one.from_s,
                "until_s": min(one.until_s, self._ended_s.get(one.id, one.until_s)),
                "what": ", ".join(f"{each.name}{each.op}{each.value}" for each in one.matchers),
            }
            for one in sorted(self._silences.values(), key=lambda each: each.from_s)
        ]

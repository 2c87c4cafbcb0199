"""The silences that were created, and what ended them, as JSON. Pure.

Memory: `MAX_KEPT` directives; the oldest leave first. Duplicate: the first record of an id counts.
"""

from __future__ import annotations

from typing import Any

from actions.bounded import remember
from classifiers.directives import Expire, Silence
from streams.contracts.people.silences import silences_of

MAX_KEPT = 2_000


class KnownSilences:
    """See the module."""

    def __init__(self) -> None:
        self._directives: dict[str, Silence | Expire] = {}

    def add(self, directive: Silence | Expire) -> bool:
        """Whether it was not known."""
        if directive.id in self._directives:
            return False
        remember(self._directives, directive.id, directive, MAX_KEPT)
        return True

    def rows(self) -> list[dict[str, Any]]:
        """Each with when it ends or ended, by its beginning."""
        return [
            {
                "id": one.silence.id, "by": one.silence.by, "comment": one.silence.comment, "what": one.matchers,
                "from_s": one.silence.from_s, "until_s": one.until_s,
            }
            for one in silences_of(self._directives.values())
        ]

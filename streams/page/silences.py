"""What keeps an incident silent: the silences that were created, what ended them, and maintenance windows. Pure.

Memory: `MAX_KEPT` directives; the oldest leave first. Duplicate: the first record of an id counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from actions.bounded import remember
from classifiers.directives import Expire, Silence
from classifiers.incident_silence import matched_words, service_of
from classifiers.silences import MaintenanceWindow
from streams.contracts.people.silences import StoredSilence, silences_of

MAX_KEPT = 2_000


class KnownSilences:
    """See the module."""

    def __init__(self) -> None:
        self._directives: dict[str, Silence | Expire] = {}
        self._windows: dict[str, MaintenanceWindow] = {}

    def configure(self, windows: Iterable[MaintenanceWindow]) -> None:
        """These are the maintenance windows from now on."""
        self._windows = {window.name: window for window in windows}

    def add(self, directive: Silence | Expire) -> bool:
        """Whether it was not known."""
        if directive.id in self._directives:
            return False
        remember(self._directives, directive.id, directive, MAX_KEPT)
        return True

    def find(self, name: str) -> StoredSilence | None:
        """A silence by its id; None for one that is not known."""
        return next((one for one in silences_of(self._directives.values()) if one.silence.id == name), None)

    def window(self, name: str) -> MaintenanceWindow | None:
        """A maintenance window by its name; None for one that is not configured."""
        return self._windows.get(name)

    def rows(self) -> list[dict[str, Any]]:
        """Each with when it ends or ended, by its beginning. service: None where it may fit several, so that the page
        does not end it."""
        return [
            {
                "id": one.silence.id, "by": one.silence.by, "comment": one.silence.comment,
                "what": matched_words(one.silence.matchers), "service": service_of(one.silence.matchers),
                "from_s": one.silence.from_s, "until_s": one.until_s,
            }
            for one in silences_of(self._directives.values())
        ]

"""How many refused records are written down one by one, so that a flood of forged records does not flood the audit."""

from __future__ import annotations

from dataclasses import dataclass

MOST = 1_000
WITHIN_S = 600.0


@dataclass(slots=True)
class RefusalQuota:
    """At most `MOST` refusals each `WITHIN_S` are noted; the others are counted. Pure: the time is an argument."""

    _since_s: float | None = None
    _noted: int = 0
    _dropped: int = 0

    def note(self, mono_s: float) -> bool:
        """Whether this refusal is to be written down."""
        if self._since_s is None or mono_s - self._since_s >= WITHIN_S:
            self._since_s, self._noted = mono_s, 0
        if self._noted >= MOST:
            self._dropped += 1
            return False
        self._noted += 1
        return True

    def take_dropped(self) -> int:
        """How many were not written down since this was called last."""
        dropped, self._dropped = self._dropped, 0
        return dropped

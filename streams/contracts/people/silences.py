"""The silences that control records create and end, as they stand. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from classifiers.directives import Expire, Silence

SilenceState = Literal["pending", "active", "ended"]


@dataclass(frozen=True, slots=True)
class StoredSilence:
    """A silence, and when it was ended before its time, None where nobody did."""

    silence: Silence
    expired_s: float | None = None

    @property
    def until_s(self) -> float:
        """When it ends or ended, seconds since the epoch."""
        return self.silence.until_s if self.expired_s is None else min(self.silence.until_s, self.expired_s)

    @property
    def matchers(self) -> str:
        """What it covers, in one line."""
        return ", ".join(f"{each.name}{each.op}{each.value}" for each in self.silence.matchers)

    def state(self, now_s: float) -> SilenceState:
        """At a time, seconds since the epoch."""
        if now_s >= self.until_s:
            return "ended"
        return "active" if now_s >= self.silence.from_s else "pending"


def silences_of(directives: Iterable[Silence | Expire]) -> list[StoredSilence]:
    """Those among directives, with what ended them, by their beginning. Of two with one id the first counts."""
    found: dict[str, Silence] = {}
    expired_s: dict[str, float] = {}
    for one in directives:
        if isinstance(one, Silence):
            found.setdefault(one.id, one)
        else:
            expired_s.setdefault(one.silence_id, one.at_s)
    return sorted(
        (StoredSilence(one, expired_s.get(one.id)) for one in found.values()), key=lambda stored: stored.silence.from_s,
    )

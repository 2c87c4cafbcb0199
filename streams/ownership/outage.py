"""An outage of the broker, as one worker saw it, and how long event time is held after it. Pure.

Producers that lost their broker try again at growing intervals. So they come back the later, the longer it was away,
and the first of them must not make the records of the others late.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

HOLD_S = 11.0
"""The longest hold. A producer that lost its broker tries again at growing intervals of up to 10 s, and what it sends
then has to arrive."""
HOLD_LEAST_S = 1.0
HOLD_PER_BLIND_S = 2.0


@dataclass(frozen=True, slots=True)
class Outage:
    """Time in which nothing was seen of the broker, by a steady clock. begun_s: when it was last seen before."""

    begun_s: float
    ended_s: float

    @property
    def hold_until_s(self) -> float:
        """Up to when event time is held."""
        return self.ended_s + min(HOLD_S, HOLD_LEAST_S + HOLD_PER_BLIND_S * (self.ended_s - self.begun_s))

    def after(self, before: Outage | None) -> Outage:
        """This outage, joined with one before it if it began in the hold after that.

        A producer that tried in vain in both waits as long before the next try as after a long one.
        """
        if before is None or self.begun_s >= before.hold_until_s:
            return self
        return Outage(min(before.begun_s, self.begun_s), max(before.ended_s, self.ended_s))


@dataclass(frozen=True, slots=True)
class Contact:
    """What a worker knows of the broker, whatever it owned. since_s: of its first answer, infinity before it. outages:
    the last ones since then that have ended, in order."""

    since_s: float = inf
    outages: tuple[Outage, ...] = ()

    @classmethod
    def of(cls, since_s: float, gaps: Iterable[tuple[float, float]]) -> Contact:
        """gaps: begin and end of each outage."""
        return cls(since_s, tuple(Outage(*gap) for gap in gaps))


NO_CONTACT = Contact()

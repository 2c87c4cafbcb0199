"""The circuit breaker: closed, open, half open; forced open or disabled by people. Pure: a table, and time as argument.

An open breaker becomes half open after T = min(30 s * 2^(n-1), 15 min), up to a tenth longer by the hash of target and
n, so that many do not end at once. The first opening for an incident lasts at least until its effect is judged. n
counts openings; while closed it falls by 1 in 10 minutes. Half open, it closes once no incident about the target was
open for 60 s. It opens again on an alarm, and without a verdict in 5 minutes. The third opening in a row pages, and
each after it; so does the third phase without a verdict. If no incident holds the breaker by then, it closes instead: a
lost incident must not cost capacity for ever.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Literal

from actions.ledger.remedy import Breaker, BreakerState

FIRST_OPEN_S = 30.0
MAX_OPEN_S = 900.0
JITTER = 0.1
DECAY_S = 600.0
VERDICT_S = 10.0
"""How long after it settled the effect of an opening may take to be judged."""
QUIET_S = 60.0
PROBE_S = 300.0
UNPROVEN_MAX = 3
PROBE_SHARE = 0.05
PROBE_MAX_PER_S = 20.0

BreakerEvent = Literal["opened", "time_over", "released", "alarm", "quiet", "unproven", "given_up", "force", "disable",
                       "clear"]
Effect = Literal["open", "probe", "close"]
"""What the gateway is to be set to."""
TIMED: frozenset[BreakerState] = frozenset({"open", "half_open"})

TRANSITIONS: dict[tuple[BreakerState, BreakerEvent], tuple[BreakerState, Effect]] = {
    ("closed", "opened"): ("open", "open"),
    ("closed", "force"): ("forced_open", "open"),
    ("closed", "disable"): ("disabled", "close"),
    ("open", "time_over"): ("half_open", "probe"),
    ("open", "released"): ("half_open", "probe"),
    ("open", "force"): ("forced_open", "open"),
    ("open", "disable"): ("disabled", "close"),
    ("half_open", "alarm"): ("open", "open"),
    ("half_open", "opened"): ("open", "open"),
    ("half_open", "unproven"): ("open", "open"),
    ("half_open", "quiet"): ("closed", "close"),
    ("half_open", "given_up"): ("closed", "close"),
    ("half_open", "force"): ("forced_open", "open"),
    ("half_open", "disable"): ("disabled", "close"),
    ("forced_open", "clear"): ("closed", "close"),
    ("forced_open", "disable"): ("disabled", "close"),
    ("disabled", "clear"): ("closed", "close"),
    ("disabled", "force"): ("forced_open", "open"),
}
"""A pair that is not here changes nothing."""
OPENINGS: frozenset[BreakerEvent] = frozenset({"opened", "alarm"})
"""They count: the next opening lasts longer."""


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known of the target. alarming: the open incidents about it that alarmed since the probe began.

    quiet_for_s: for how long no incident about it is open, and it is probed. released: all incidents that held it
    resolved, none was lost. held: whether an incident that holds it is open.
    """

    alarming: tuple[str, ...]
    quiet_for_s: float
    released: bool
    held: bool


@dataclass(frozen=True, slots=True)
class Moved:
    """The next state, what the gateway is to be set to, why, and whether people are paged."""

    breaker: Breaker
    effect: Effect
    reason: str
    page: str | None = None


def open_s(target: str, n: int) -> float:
    """How long the n-th opening lasts, in seconds.

    >>> 30.0 <= open_s("chat/r0", 1) <= 33.0, 120.0 <= open_s("chat/r0", 3) <= 132.0, open_s("chat/r0", 99) <= 990.0
    (True, True, True)
    """
    digest = hashlib.sha256(f"{target}/{n}".encode()).digest()
    share = int.from_bytes(digest[:4]) / 2**32
    return min(FIRST_OPEN_S * 2.0 ** min(n - 1, 30), MAX_OPEN_S) * (1.0 + JITTER * share)


def awaited(breaker: Breaker) -> str | None:
    """What ends the state of a breaker; None where only a person does, or nothing is to end."""
    if breaker.state == "open":
        return "No traffic goes to the target. When its time is over, traffic tries it."
    if breaker.state == "half_open":
        return (
            f"Traffic tries the target. It closes once no incident about it was open for {QUIET_S:.0f} s; it opens "
            f"again, for twice as long, on an alarm, and after {PROBE_S / 60.0:.0f} min without a verdict."
        )
    return None


def decayed(breaker: Breaker, now_s: float) -> int:
    """How many openings count now: while it is closed, one less in each `DECAY_S`."""
    if breaker.state != "closed":
        return breaker.n
    return max(0, breaker.n - int(max(0.0, now_s - breaker.since_s) // DECAY_S))


def due(breaker: Breaker, signals: Signals, now_s: float) -> BreakerEvent | None:
    """The event that time or the signals have brought about; None for none."""
    if breaker.state == "open":
        return "time_over" if breaker.until_s is None or now_s >= breaker.until_s else None
    if breaker.state != "half_open":
        return None
    if signals.alarming:
        return "alarm"
    phase_s = now_s - breaker.since_s
    if signals.released and min(signals.quiet_for_s, phase_s) >= QUIET_S:
        return "quiet"
    if phase_s < PROBE_S:
        return None
    return "given_up" if breaker.unproven + 1 >= UNPROVEN_MAX and not signals.held else "unproven"


def move(
    breaker: Breaker | None, event: BreakerEvent, target: str, now_s: float, least_s: float = 0.0,
) -> Moved | None:
    """The transition; None where the event is illegal. breaker: None for one that was never open. least_s: how long it
    is open at least.
    """
    current = breaker or Breaker("closed", 0, now_s)
    found = TRANSITIONS.get((current.state, event))
    if found is None:
        return None
    state, effect = found
    count = decayed(current, now_s) + (event in OPENINGS)
    n = max(1, count) if state == "open" else count
    unproven = current.unproven + 1 if event == "unproven" else (current.unproven if state in TIMED else 0)
    unproven = 0 if event in OPENINGS else unproven
    until_s = now_s + max(open_s(target, n), least_s) if state == "open" else None
    moved = replace(current, state=state, n=n, since_s=now_s, until_s=until_s, unproven=unproven, confirmed=False)
    return Moved(moved, effect, _reason(event, moved, now_s), _page(event, current, moved))


def _page(event: BreakerEvent, before: Breaker, moved: Breaker) -> str | None:
    if event == "given_up":
        return "breaker_closed_unproven"
    if event == "unproven" and moved.unproven >= UNPROVEN_MAX:
        return "breaker_unproven"
    reopens = event in OPENINGS and before.state == "half_open"
    return "breaker_reopened" if reopens and moved.n >= UNPROVEN_MAX else None


def _reason(event: BreakerEvent, moved: Breaker, now_s: float) -> str:
    lasts = "" if moved.until_s is None else f", for {moved.until_s - now_s:.0f} s"
    why = {
        "opened": f"an incident needs it, opening {moved.n}",
        "time_over": "its time is over, traffic probes the target",
        "released": "the incident is over, traffic probes the target",
        "alarm": f"it alarmed while half open, opening {moved.n}",
        "quiet": f"quiet for {QUIET_S:.0f} s while half open",
        "unproven": f"no verdict within {PROBE_S:.0f} s, {moved.unproven} times in a row",
        "given_up": f"no verdict {UNPROVEN_MAX} times in a row, and no incident holds it",
        "force": "forced open by a person", "disable": "disabled by a person", "clear": "cleared by a person",
    }[event]
    return f"breaker {moved.state.replace('_', ' ')}: {why}{lasts}"

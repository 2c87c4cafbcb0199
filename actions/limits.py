"""What an operator allows: pure checks between a decision and its execution. Each answers with a reason.

A check that cannot be made fails towards no action. An undo gives back what an action took, so it is held to expiry,
age and the storm brake, not to cooldown, budget and share. A harmless kind (`notify`) is held to age alone: in a storm
people must still be told.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from actions.model import HARMLESS, Intent, Status

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class LimitParams:
    """The operator's limits.

    cooldown_s: pause between two actions of one kind on one target. actions_per_hour: over all targets. fleet_share: of
    the sibling targets, how many may be touched within `share_window_s`, in (0, 1]; one is always allowed. max_age_s:
    a decision older than this is refused, so that backlog is never acted on. storm_actions, storm_window_s: one action
    more than this many in the window trips the storm brake. futile_after, futile_window_s: an action that ran this
    often on one target in the window and was needed again is suggested only. Raises `ValueError` naming the field.
    """

    cooldown_s: float = 300.0
    actions_per_hour: int = 20
    fleet_share: float = 0.1
    share_window_s: float = HOUR_S
    max_age_s: float = 60.0
    storm_actions: int = 10
    storm_window_s: float = 300.0
    futile_after: int = 3
    futile_window_s: float = 6 * HOUR_S

    def __post_init__(self) -> None:
        for name in ("cooldown_s", "share_window_s", "max_age_s", "storm_window_s", "futile_window_s"):
            number(self, name, 0.0, 30 * 24 * HOUR_S)
        for name in ("actions_per_hour", "storm_actions", "futile_after"):
            number(self, name, 1, 100_000)
        if not 0.0 < self.fleet_share <= 1.0:
            raise ValueError(f"LimitParams.fleet_share: {self.fleet_share!r}, expected above 0 and at most 1")


class Tally(Protocol):
    """What the checks ask of the past; every ledger answers it."""

    def last_executed_s(self, kind: str, target: str) -> float | None: ...
    def executed_since(self, since_s: float) -> int: ...
    def touched(self, kind: str, since_s: float) -> frozenset[str]: ...
    def storm_since_s(self) -> float | None: ...
    def storm_reset_s(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an intent may run, and why. `status` is what to report if not."""

    allowed: bool
    reason: str
    status: Status = "refused"


def check(intent: Intent, tally: Tally, params: LimitParams, now_s: float) -> Verdict:
    """All limits in order, cheapest first; the first that refuses answers. Cost: one pass over the ledger's entries."""
    verdict = fresh(intent, params, now_s)
    if not verdict.allowed or intent.kind in HARMLESS:
        return verdict
    checks = [calm(tally, params, now_s)]
    if not intent.undo:
        checks.append(cooled(intent, tally, params, now_s))
        checks.append(budgeted(tally, params, now_s))
        checks.append(spread(intent, tally, params, now_s))
    return next((refused for refused in checks if not refused.allowed), Verdict(True, "within limits"))


def fresh(intent: Intent, params: LimitParams, now_s: float) -> Verdict:
    """Expiry, and the age of the decision. A decision from the future means that clocks disagree: refused as well."""
    if now_s >= intent.expires_at_s:
        return Verdict(False, f"expired {now_s - intent.expires_at_s:.1f} s ago", "expired")
    age_s = now_s - intent.decided_at_s
    if age_s > params.max_age_s:
        return Verdict(False, f"stale: decided {age_s:.1f} s ago, the limit is {params.max_age_s:g} s")
    if not age_s >= -params.max_age_s:
        return Verdict(False, f"decided {-age_s:.1f} s in the future: clocks disagree")
    return Verdict(True, f"decided {age_s:.1f} s ago")


def calm(tally: Tally, params: LimitParams, now_s: float) -> Verdict:
    """The storm brake: holds while tripped, and when this action would be one too many (see `storm_due`)."""
    since_s = tally.storm_since_s()
    if since_s is not None:
        return Verdict(False, f"storm brake tripped {now_s - since_s:.0f} s ago and not reset", "suggested")
    if storm_due(tally, params, now_s):
        text = f"storm brake trips: {params.storm_actions} actions within {params.storm_window_s:g} s already"
        return Verdict(False, text, "suggested")
    return Verdict(True, "no storm")


def storm_due(tally: Tally, params: LimitParams, now_s: float) -> bool:
    """Whether one more action must trip the brake. Actions before the last reset no longer count."""
    reset_s = tally.storm_reset_s()
    since_s = now_s - params.storm_window_s
    return tally.executed_since(since_s if reset_s is None else max(since_s, reset_s)) >= params.storm_actions


def cooled(intent: Intent, tally: Tally, params: LimitParams, now_s: float) -> Verdict:
    """The pause per kind and target."""
    last_s = tally.last_executed_s(intent.kind, intent.target)
    if last_s is None or now_s - last_s >= params.cooldown_s:
        return Verdict(True, "cooled down")
    text = f"{intent.kind} ran on {intent.target} {now_s - last_s:.1f} s ago, cooldown is {params.cooldown_s:g} s"
    return Verdict(False, text, "cooldown")


def budgeted(tally: Tally, params: LimitParams, now_s: float) -> Verdict:
    """Actions per hour, over all targets."""
    used = tally.executed_since(now_s - HOUR_S)
    text = f"{used} of {params.actions_per_hour} actions used this hour"
    return Verdict(used < params.actions_per_hour, text)


def spread(intent: Intent, tally: Tally, params: LimitParams, now_s: float) -> Verdict:
    """Share of the fleet touched. Siblings are targets that differ after the last slash; their number comes with the
    intent (`params["fleet_size"]`). If it is unknown, one target may be touched.
    """
    parent = intent.target.rpartition("/")[0]
    siblings = {t for t in tally.touched(intent.kind, now_s - params.share_window_s) if t.rpartition("/")[0] == parent}
    after = len(siblings | {intent.target})
    size = intent.params.get("fleet_size")
    known = isinstance(size, int | float) and not isinstance(size, bool) and math.isfinite(size)
    allowed = max(1, math.floor(float(size) * params.fleet_share + 1e-9)) if known and size is not None else 1
    of = f"{size:g}" if known else "an unknown number of"
    return Verdict(after <= allowed, f"{intent.kind} would hold {after} of {of} targets, {allowed} allowed")


def number(params: object, name: str, low: float, high: float) -> None:
    """Refuse a field that is not a finite number in [low, high]: `ValueError` naming class, field, value, expected."""
    value = getattr(params, name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"{type(params).__name__}.{name}: {value!r}, expected a number from {low:g} to {high:g}")

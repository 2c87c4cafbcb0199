"""The operator's limits: pure checks between a decision and its execution. Each returns a reason.

A check that cannot be made refuses the action. An undo reverses an action, so only its expiry and the storm brake apply
to it, not age, cooldown, budget and fleet share: what nobody undoes stays in force. A harmless kind (`notify`) is
limited by age alone: in a storm people must still be notified, and that an incident is over however late.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from actions.model import HARMLESS, Intent, Status
from actions.validation import check_number

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class LimitParams:
    """The operator's limits.

    cooldown_s: pause between two actions of one kind on one target. actions_per_hour: over all targets. fleet_share:
    share of the sibling targets that may be acted on within `share_window_s`, in (0, 1]; one is always allowed.
    max_age_s: a decision older than this is refused, so that a backlog is never acted on; not an undo. storm_actions,
    storm_window_s: one action more than this many in the window trips the storm brake. futile_after, futile_window_s:
    an action that ran this often on one target in the window and is needed again is only suggested. Raises `ValueError`
    naming the field.
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
            check_number(self, name, 0.0, 30 * 24 * HOUR_S)
        for name in ("actions_per_hour", "storm_actions", "futile_after"):
            check_number(self, name, 1, 100_000)
        if not 0.0 < self.fleet_share <= 1.0:
            raise ValueError(f"LimitParams.fleet_share: {self.fleet_share!r}, expected above 0 and at most 1")


class PastActions(Protocol):
    """What the checks need to know of earlier actions. Every ledger provides it."""

    def last_executed_s(self, kind: str, target: str) -> float | None:
        """When an action of this kind last ran, or may have run, on the target. An undo does not count."""

    def executed_since(self, since_s: float) -> int:
        """How many actions ran, or may have run, at or after `since_s`; undos and harmless kinds do not count."""

    def targets_acted_on(self, kind: str, since_s: float) -> frozenset[str]:
        """Targets on which an action of this kind ran at or after `since_s` and was not undone since."""

    def storm_since_s(self) -> float | None:
        """When the storm brake tripped; None while it is released."""

    def storm_reset_s(self) -> float | None:
        """When the storm brake was last released; None if never."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether an intent may run, and why. status: what to report if not."""

    allowed: bool
    reason: str
    status: Status = "refused"


def check_limits(intent: Intent, past: PastActions, params: LimitParams, now_s: float) -> Admission:
    """All limits, cheapest first; the first refusal is returned. Cost: one pass over the ledger's entries."""
    admission = check_age(intent, params, now_s)
    if not admission.allowed or intent.kind in HARMLESS:
        return admission
    checks = [check_storm(past, params, now_s)]
    if not intent.undo:
        checks.append(check_cooldown(intent, past, params, now_s))
        checks.append(check_hourly_budget(past, params, now_s))
        checks.append(check_fleet_share(intent, past, params, now_s))
    return next((refused for refused in checks if not refused.allowed), Admission(True, "within limits"))


def check_age(intent: Intent, params: LimitParams, now_s: float) -> Admission:
    """Expiry, and age of the decision. A decision from the future is refused too: the clocks disagree.

    The age of an undo does not count: intents on one target come in order, so a late one undoes nothing newer.
    """
    if now_s >= intent.expires_at_s:
        return Admission(False, f"expired {now_s - intent.expires_at_s:.1f} s ago", "expired")
    age_s = now_s - intent.decided_at_s
    if intent.undo:
        return Admission(True, f"an undo, decided {age_s:.1f} s ago")
    if age_s > params.max_age_s:
        return Admission(False, f"stale: decided {age_s:.1f} s ago, the limit is {params.max_age_s:g} s")
    if not age_s >= -params.max_age_s:
        return Admission(False, f"decided {-age_s:.1f} s in the future: clocks disagree")
    return Admission(True, f"decided {age_s:.1f} s ago")


def check_storm(past: PastActions, params: LimitParams, now_s: float) -> Admission:
    """The storm brake refuses while it is tripped, and when this action would trip it (see `storm_reached`)."""
    since_s = past.storm_since_s()
    if since_s is not None:
        return Admission(False, f"storm brake tripped {now_s - since_s:.0f} s ago and not reset", "suggested")
    if storm_reached(past, params, now_s):
        text = f"storm brake trips: {params.storm_actions} actions within {params.storm_window_s:g} s already"
        return Admission(False, text, "suggested")
    return Admission(True, "no storm")


def storm_reached(past: PastActions, params: LimitParams, now_s: float) -> bool:
    """Whether one more action must trip the brake. Actions before the last reset no longer count."""
    reset_s = past.storm_reset_s()
    since_s = now_s - params.storm_window_s
    return past.executed_since(since_s if reset_s is None else max(since_s, reset_s)) >= params.storm_actions


def check_cooldown(intent: Intent, past: PastActions, params: LimitParams, now_s: float) -> Admission:
    """The pause per kind and target."""
    last_s = past.last_executed_s(intent.kind, intent.target)
    if last_s is None or now_s - last_s >= params.cooldown_s:
        return Admission(True, "cooled down")
    text = f"{intent.kind} ran on {intent.target} {now_s - last_s:.1f} s ago, cooldown is {params.cooldown_s:g} s"
    return Admission(False, text, "cooldown")


def check_hourly_budget(past: PastActions, params: LimitParams, now_s: float) -> Admission:
    """Actions per hour, over all targets."""
    used = past.executed_since(now_s - HOUR_S)
    text = f"{used} of {params.actions_per_hour} actions used this hour"
    return Admission(used < params.actions_per_hour, text)


def check_fleet_share(intent: Intent, past: PastActions, params: LimitParams, now_s: float) -> Admission:
    """The share of sibling targets that are acted on. Siblings are targets that differ after the last slash.

    Their number comes with the intent (`params["fleet_size"]`). If it is unknown, one target is allowed.
    """
    parent = intent.target.rpartition("/")[0]
    acted_on = past.targets_acted_on(intent.kind, now_s - params.share_window_s)
    siblings = {target for target in acted_on if target.rpartition("/")[0] == parent}
    after = len(siblings | {intent.target})
    size = intent.params.get("fleet_size")
    known = isinstance(size, int | float) and not isinstance(size, bool) and math.isfinite(size)
    allowed = max(1, math.floor(float(size) * params.fleet_share + 1e-9)) if known and size is not None else 1
    of = f"{size:g}" if known else "an unknown number of"
    return Admission(after <= allowed, f"{intent.kind} would hold {after} of {of} targets, {allowed} allowed")

"""The operator's limits: pure checks between a decision and its execution. Each returns a reason.

A check that cannot be made refuses the action. An undo reverses an action, so only its expiry applies to it: what
nobody undoes stays in force. A harmless kind (`notify`) is limited by age alone: in a storm people must still be
notified, and that an incident is over however late. Break-glass skips freeze, cooldown, budget and storm, and nothing
else. What people approved skips storm and freeze, which only keep Tocsin from acting by itself.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from actions.model import HARMLESS, Intent, Status
from actions.siblings import check_siblings
from actions.validation import check_number
from classifiers.intervals import IntervalParams

HOUR_S = 3600.0
MAX_DOUBLINGS = 20


@dataclass(frozen=True, slots=True)
class LimitParams:
    """The operator's limits.

    cooldown_s: pause between two actions of one kind on one target, doubled by each ineffective run of the last
    `futile_window_s` up to max_cooldown_s. step_attempts: of one step on one target. actions_per_hour: over all
    targets. service_actions_per_hour: of one service. max_in_force: remedies in force at once. fleet_share: share of
    the siblings that may have a remedy in force, or be acted on within `share_window_s`, in (0, 1]; one is always
    allowed. min_healthy_share: share of the siblings that must be heard and healthy for one to be acted on.
    outage_share, outage_wait_s: a part is not acted on when this share of its siblings alarms, or so soon after the
    service as a whole began to alarm. max_age_s: a decision older than this is refused; not an undo. storm_actions,
    storm_window_s, storm_services: one action more than this many in the window, or so many services with incidents of
    P0 to P2, trip the storm brake. futile_after, futile_window_s: a step that was ineffective this often in one service
    in the window is only suggested. max_hold_s: no remedy is in force for longer. freeze: times in which nothing is
    done without a person. Raises `ValueError` naming the field.
    """

    cooldown_s: float = 300.0
    max_cooldown_s: float = 2 * HOUR_S
    step_attempts: int = 2
    actions_per_hour: int = 20
    service_actions_per_hour: int = 6
    max_in_force: int = 50
    fleet_share: float = 0.1
    share_window_s: float = HOUR_S
    min_healthy_share: float = 0.5
    outage_share: float = 0.5
    outage_wait_s: float = 5.0
    max_age_s: float = 120.0
    storm_actions: int = 10
    storm_window_s: float = 300.0
    storm_services: int = 5
    futile_after: int = 3
    futile_window_s: float = 6 * HOUR_S
    max_hold_s: float = 24 * HOUR_S
    freeze: tuple[IntervalParams, ...] = ()

    def __post_init__(self) -> None:
        for name in ("cooldown_s", "max_cooldown_s", "share_window_s", "outage_wait_s", "max_age_s", "storm_window_s",
                     "futile_window_s"):
            check_number(self, name, 0.0, 30 * 24 * HOUR_S)
        check_number(self, "max_hold_s", 1.0, 24 * HOUR_S)
        for name in ("step_attempts", "actions_per_hour", "service_actions_per_hour", "max_in_force", "storm_actions",
                     "storm_services", "futile_after"):
            check_number(self, name, 1, 100_000)
        check_number(self, "min_healthy_share", 0.0, 1.0)
        for name in ("fleet_share", "outage_share"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise ValueError(f"LimitParams.{name}: {getattr(self, name)!r}, expected above 0 and at most 1")


class PastActions(Protocol):
    """What the checks need to know of earlier actions. Every ledger provides it."""

    def last_executed_s(self, kind: str, target: str) -> float | None:
        """When an action of this kind last ran, or may have run, on the target. Undos and failed runs do not count."""

    def executed_since(self, since_s: float, service: str | None = None) -> int:
        """How many actions ran, or may have run, at or after `since_s`; undos and harmless kinds do not count.

        service: counts its actions alone.
        """

    def targets_acted_on(self, kind: str, since_s: float) -> frozenset[str]:
        """Targets on which an action of this kind ran at or after `since_s` and was not undone since."""

    def in_force(self) -> frozenset[tuple[str, str]]:
        """Kind and target of each remedy that is, or may be, in force."""

    def targets_in_force(self) -> frozenset[str]:
        """Targets with a remedy in force, also with one that could be undone and was kept."""

    def ineffective_runs(self, kind: str, target: str, since_s: float) -> int:
        """How many runs on the target did not help."""

    def ineffective_steps(self, service: str, step_id: str, since_s: float) -> int:
        """How many runs of a step did not help in a service."""

    def attempts_of(self, incident_id: str, step_id: str, target: str) -> int:
        """How often a step ran, or may have run, on a target for an incident."""

    def storm_since_s(self) -> float | None:
        """When the storm brake tripped; None while it is released."""

    def storm_reset_s(self) -> float | None:
        """When the storm brake was last released; None if never."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether an intent may run, and why. status: what to report if not. limit: the name of the limit."""

    allowed: bool
    reason: str
    status: Status = "refused"
    limit: str = ""


@dataclass(frozen=True, slots=True)
class Situation:
    """What the checks need to know besides the ledger. now_s: seconds since the epoch.

    troubled_services: with an open incident of P0 to P2. approved: whether people decided it. break_glass: whether a
    commander took the responsibility.
    """

    now_s: float
    troubled_services: Collection[str] = ()
    approved: bool = False
    break_glass: bool = False


def check_limits(intent: Intent, past: PastActions, params: LimitParams, now: Situation) -> Admission:
    """All limits; the first refusal is returned. Cost: some passes over the ledger's entries."""
    admission = check_age(intent, params, now.now_s)
    if not admission.allowed or intent.kind in HARMLESS or intent.undo:
        return admission
    checks = [check_attempts(intent, past, params)]
    if not now.break_glass:
        if not now.approved:
            checks += [check_storm(past, params, now), check_freeze(params, now.now_s)]
            checks.append(check_futility(intent, past, params, now.now_s))
        checks.append(check_cooldown(intent, past, params, now.now_s))
        checks.append(check_budgets(intent, past, params, now.now_s))
    checks.append(check_in_force(intent, past, params))
    acted_on = past.targets_acted_on(intent.kind, now.now_s - params.share_window_s)
    reason = check_siblings(intent, past.targets_in_force(), acted_on, params)
    checks.append(Admission(reason is None, reason or "the siblings allow it", limit="siblings"))
    return next((refused for refused in checks if not refused.allowed), Admission(True, "within limits"))


def check_age(intent: Intent, params: LimitParams, now_s: float) -> Admission:
    """Expiry, and age of the decision. A decision from the future is refused too: the clocks disagree.

    The age of an undo does not count: intents on one target come in order, so a late one undoes nothing newer.
    """
    if now_s >= intent.expires_at_s:
        return Admission(False, f"expired {now_s - intent.expires_at_s:.1f} s ago", "expired", "expiry")
    age_s = now_s - intent.decided_at_s
    if intent.undo:
        return Admission(True, f"an undo, decided {age_s:.1f} s ago")
    if age_s > params.max_age_s:
        text = f"stale: decided {age_s:.1f} s ago, the limit is {params.max_age_s:g} s"
        return Admission(False, text, limit="age")
    if not age_s >= -params.max_age_s:
        return Admission(False, f"decided {-age_s:.1f} s in the future: clocks disagree", limit="age")
    return Admission(True, f"decided {age_s:.1f} s ago")


def check_attempts(intent: Intent, past: PastActions, params: LimitParams) -> Admission:
    """Attempts of one step on one target for one incident."""
    ran = past.attempts_of(intent.incident_id, intent.step_id, intent.target) if intent.step_id else 0
    used = max(ran, intent.attempt - 1)
    text = f"{used} of {params.step_attempts} attempts of this step are used"
    return Admission(used < params.step_attempts, text, limit="attempts")


def check_storm(past: PastActions, params: LimitParams, now: Situation) -> Admission:
    """The storm brake refuses while it is tripped, and when this action would trip it (see `storm_reason`)."""
    since_s = past.storm_since_s()
    if since_s is not None:
        text = f"storm brake tripped {now.now_s - since_s:.0f} s ago and not reset"
        return Admission(False, text, "suggested", "storm")
    reason = storm_reason(past, params, now)
    return Admission(reason is None, f"storm brake trips: {reason}" if reason else "no storm", "suggested", "storm")


def storm_reason(past: PastActions, params: LimitParams, now: Situation) -> str | None:
    """Why one more action must trip the brake, None if it need not. Actions before the last reset do not count."""
    reset_s = past.storm_reset_s()
    since_s = now.now_s - params.storm_window_s
    if past.executed_since(since_s if reset_s is None else max(since_s, reset_s)) >= params.storm_actions:
        return f"{params.storm_actions} actions within {params.storm_window_s:g} s already"
    if reset_s is not None and now.now_s - reset_s < params.storm_window_s:
        return None  # a person looked at the services that are in trouble and let Tocsin act
    troubled = sorted(now.troubled_services)
    return f"{len(troubled)} services have incidents: {', '.join(troubled[:10])}" if (
        len(troubled) >= params.storm_services) else None


def check_freeze(params: LimitParams, now_s: float) -> Admission:
    """In a freeze window nothing is done without a person."""
    frozen = any(interval.build().contains(now_s) for interval in params.freeze)
    return Admission(not frozen, "a freeze window is open" if frozen else "no freeze window", "suggested", "freeze")


def check_futility(intent: Intent, past: PastActions, params: LimitParams, now_s: float) -> Admission:
    """A step that did not help in this service is only suggested."""
    step_id = intent.step_id or intent.kind
    count = past.ineffective_steps(intent.service, step_id, now_s - params.futile_window_s)
    text = f"step {step_id} did not help {count} times in {params.futile_window_s:g} s in {intent.service}"
    return Admission(count < params.futile_after, text, "suggested", "futility")


def check_cooldown(intent: Intent, past: PastActions, params: LimitParams, now_s: float) -> Admission:
    """The pause per kind and target, doubled by each ineffective run."""
    last_s = past.last_executed_s(intent.kind, intent.target)
    vain = past.ineffective_runs(intent.kind, intent.target, now_s - params.futile_window_s)
    longest_s = max(params.cooldown_s, params.max_cooldown_s)
    cooldown_s = min(params.cooldown_s * 2.0 ** min(vain, MAX_DOUBLINGS), longest_s)
    if last_s is None or now_s - last_s >= cooldown_s:
        return Admission(True, "cooled down")
    text = f"{intent.kind} ran on {intent.target} {now_s - last_s:.1f} s ago, cooldown is {cooldown_s:g} s"
    return Admission(False, text, "cooldown", "cooldown")


def check_budgets(intent: Intent, past: PastActions, params: LimitParams, now_s: float) -> Admission:
    """Actions per hour: over all targets, and of one service."""
    used = past.executed_since(now_s - HOUR_S)
    if used >= params.actions_per_hour:
        return Admission(False, f"{used} of {params.actions_per_hour} actions used this hour", limit="actions_per_hour")
    own = past.executed_since(now_s - HOUR_S, intent.service)
    text = f"{own} of {params.service_actions_per_hour} actions of {intent.service} used this hour"
    return Admission(own < params.service_actions_per_hour, text, limit="service_actions_per_hour")


def check_in_force(intent: Intent, past: PastActions, params: LimitParams) -> Admission:
    """Remedies in force at once. One that is in force already is not counted again."""
    count = len(past.in_force() - {(intent.kind, intent.target)})
    text = f"{count} of {params.max_in_force} remedies are in force"
    return Admission(count < params.max_in_force, text, limit="in_force")

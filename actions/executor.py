"""The executor: checks an intent, claims it, runs it, and reports its outcome.

Cheap checks come first, and the claim last, right before the run. Guarantee on crash: an intent runs at most once; a
crash between claim and outcome is reported as `interrupted`, and what may be in force by then is in the ledger and ends
by its terms. Guarantee on duplicate: the earlier outcome is reported and nothing runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import structlog

from actions.base import Action, Data, RunContext
from actions.hooks import Hooks
from actions.ledger.ledger import Ledger
from actions.ledger.remedy import Remedy
from actions.ledger.view import JOINED, Claim
from actions.limits import Admission, LimitParams, Situation, check_age, check_limits
from actions.model import Intent, Outcome, Status
from actions.remedies import changes
from actions.remedies.breaker import move
from actions.remedies.incidents import KnownIncidents
from actions.remedies.keeper import RemedyKeeper, Tools
from actions.remedies.notices import state_data
from actions.remedies.routes import CLAIMED, Route, route
from actions.running import attempt

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.actions")

CHANGED_MEANWHILE = "another executor changed the target meanwhile"


@dataclass(frozen=True, slots=True)
class _Admitted:
    """An intent that may go on. remedy: what is in force at its target by its kind."""

    route: Route
    remedy: Remedy | None
    rehearses: bool = False


class Executor:
    """Runs intents with `actions` (kind -> action). One instance serves many tasks; intents of one target wait for each
    other.

    now_s: the clock, seconds since the epoch. dry_run: rehearse all actions and change nothing. incidents: what is
    known of incidents. `keeper` holds what is in force. `limits` may be replaced between intents; the keeper goes on by
    `max_hold_s` of those it began with.
    """

    def __init__(
        self, actions: Mapping[str, Action], ledger: Ledger, limits: LimitParams, now_s: Callable[[], float],
        dry_run: bool, hooks: Hooks | None = None, incidents: KnownIncidents | None = None,
    ) -> None:
        self._actions = actions
        self._ledger = ledger
        self.limits = limits
        self._now_s = now_s
        self._dry_run = dry_run
        self._hooks = hooks or Hooks()
        self._incidents = incidents or KnownIncidents()
        self._admission_lock = asyncio.Lock()
        self.keeper = RemedyKeeper(
            Tools(actions, ledger, now_s, limits.max_hold_s, self._hooks.report), self._incidents,
        )

    async def execute(self, intent: Intent, shard: int | None = None) -> Outcome:
        """Run the intent if it is admitted, and return its outcome. shard: that decided it, None if unknown.

        Raises only what the ledger's storage raises, and `CancelledError`. After either, the intent is not acknowledged
        and is delivered again: it then runs if it was never claimed, and is `interrupted` if it was.
        """
        async with self.keeper.locks.of(intent.target):
            unmet = await self._unmet(intent)
            # Locked from the limits to the claim: the limits of the next intent count this claim.
            async with self._admission_lock:
                admitted = await self._admit(intent, unmet)
            if isinstance(admitted, Outcome):
                return admitted
            if admitted.rehearses:
                return await self._rehearse(intent)
            if admitted.route.kind not in CLAIMED:
                return await self._without_run(intent, admitted, shard)
            try:
                if self._hooks.on_claimed is not None:
                    await self._hooks.on_claimed(intent, self._now_s())
                return await self._run(intent, admitted, shard)
            except BaseException:
                self._ledger.abandon(intent.key)
                raise

    def rehearses(self, kind: str) -> bool:
        """Whether runs of this kind are rehearsed only, so that they change nothing."""
        action = self._actions.get(kind)
        return self._dry_run or (action is not None and action.bounds.dry_run)

    # -- admission ----------------------------------------------------------------------------------------------------

    async def _unmet(self, intent: Intent) -> str | None:
        """The prerequisite that does not hold, of an intent that may run otherwise; None where none is to be asked.

        Asked before limits are locked, since the answer takes a moment.
        """
        if intent.undo or self._ledger.lookup(intent.key) is not None or not self._check(intent).allowed:
            return None
        return await self._hooks.unmet(intent)

    async def _admit(self, intent: Intent, unmet: str | None) -> Outcome | _Admitted:
        """How the intent goes on: it is within the limits and, if it changes anything, claimed. Else its outcome."""
        earlier = self._ledger.lookup(intent.key)
        if earlier is not None:
            return await self._repeated(intent, earlier)
        admission = self._check(intent)
        if not admission.allowed:
            return await self._refuse(intent, admission)
        if unmet is not None:
            return await self._refuse(intent, Admission(False, unmet))
        remedy = self._ledger.remedy(intent.kind, intent.target)
        found = route(intent, remedy)
        if found.kind == "refuse":
            return await self._refuse(intent, Admission(False, found.reason, limit="in_force"))
        if found.kind == "run":
            admission = check_limits(intent, self._ledger, self.limits, self._situation(intent))
            if not admission.allowed:
                return await self._refuse(intent, admission)
        if self.rehearses(intent.kind):
            return _Admitted(found, remedy, rehearses=True)
        if found.kind in CLAIMED:
            claim = await self._ledger.claim(intent, self._now_s())
            if not claim.won:
                return await self._repeated(intent, claim)
            if found.kind == "run":
                return await self._judged_again(intent, found)
        return _Admitted(found, remedy)

    async def _judged_again(self, intent: Intent, found: Route) -> Outcome | _Admitted:
        """Other executors may have claimed since the limits were judged. Of two that claim at once at least one knows
        the claim of the other, so together they exceed no limit.
        """
        past = self._ledger.without(intent.key)
        admission = check_limits(intent, past, self.limits, self._situation(intent))
        if not admission.allowed:
            return await self._finish(intent, "refused", admission.reason, {"limit": admission.limit})
        remedy = self._ledger.remedy(intent.kind, intent.target)
        again = route(intent, remedy)
        if again != found:
            return await self._finish(intent, "refused", CHANGED_MEANWHILE, {})
        return _Admitted(found, remedy)

    def _check(self, intent: Intent) -> Admission:
        now_s = self._now_s()
        action = self._actions.get(intent.kind)
        if now_s >= intent.expires_at_s:
            return check_age(intent, self.limits, now_s)
        if action is None:
            return Admission(False, f"no action {intent.kind!r} is configured, expected one of {sorted(self._actions)}")
        if intent.undo and not action.reversible:
            return Admission(False, f"{intent.kind} cannot be undone")
        if intent.mode == "observe":
            return Admission(False, f"observed only: {intent.reason}", "observed")
        if intent.mode == "suggest":
            return Admission(False, f"suggested: {intent.reason}", "suggested")
        forbidden = None if self._hooks.forbids is None else self._hooks.forbids(intent, now_s)
        if forbidden is not None:
            return Admission(False, forbidden)
        return check_age(intent, self.limits, now_s)

    def _situation(self, intent: Intent) -> Situation:
        now_s = self._now_s()
        return Situation(
            now_s, self._incidents.serious_services(self.keeper.now_s()), approved=intent.approval is not None,
            break_glass=self._hooks.break_glass(intent),
        )

    async def _refuse(self, intent: Intent, admission: Admission) -> Outcome:
        now_s = self._now_s()
        data: Data = {"limit": admission.limit} if admission.limit else {}
        if admission.limit == "storm" and self._ledger.storm_since_s() is None:
            log.warning("storm_brake_tripped", key=intent.key, reason=admission.reason)
            await self._ledger.trip_storm(now_s)
            data = {**data, "page": "storm"}
        if admission.status in ("suggested", "observed"):
            # Not recorded in the ledger: nothing ran, and the key stays unclaimed.
            return self._report(outcome_of(intent, admission.status, admission.reason, now_s, data))
        return await self._finish(intent, admission.status, admission.reason, data)

    async def _repeated(self, intent: Intent, claim: Claim) -> Outcome:
        if claim.state == "in_doubt" and claim.earlier is not None:
            await self._ledger.finish(claim.earlier)
            return self._report(claim.earlier)
        data: Data = {}
        if claim.earlier is not None:
            earlier = claim.earlier
            data = {**earlier.data, "earlier_status": earlier.status, "earlier_at_s": earlier.done_at_s}
        return self._report(outcome_of(intent, "duplicate", claim.reason, self._now_s(), data))

    # -- runs ---------------------------------------------------------------------------------------------------------

    async def _rehearse(self, intent: Intent) -> Outcome:
        status, detail, data = await attempt(self._actions[intent.kind], intent, RunContext(dry_run=True))
        # A failed rehearsal changed nothing. As `failed` it would count towards the limits.
        report = detail if status == "executed" else f"the rehearsal was {status}: {detail}"
        return await self._finish(intent, "dry_run", report, data)

    async def _without_run(self, intent: Intent, admitted: _Admitted, shard: int | None) -> Outcome:
        """The target stays as it is; only who needs it changes."""
        remedy = admitted.remedy
        assert remedy is not None
        if admitted.route.kind == "join":
            remedy = await self.keeper.join(remedy, intent, shard) or remedy
        elif admitted.route.kind == "let_go":
            await self._note_ineffective(intent, remedy)
            remedy = await self.keeper.let_go(remedy, {intent.incident_id: "undone"}) or remedy
        data: Data = {**state_data(remedy), JOINED: True}
        return await self._finish(intent, "executed", admitted.route.reason, data)

    async def _run(self, intent: Intent, admitted: _Admitted, shard: int | None) -> Outcome:
        """Run a claimed intent. What it puts in force, or ends, stands in the ledger first."""
        remedy, kind = admitted.remedy, admitted.route.kind
        if remedy is not None and kind == "undo":
            return await self._undo(intent, remedy)
        if remedy is not None and kind in ("release", "reopen"):
            return await self._move_breaker(intent, remedy, kind == "reopen", shard)
        action = self._actions[intent.kind]
        begun = None
        if action.holds and not intent.undo:
            begun = await self.keeper.begin(intent, shard)
            if begun is None:
                return await self._finish(intent, "refused", CHANGED_MEANWHILE, {})
        status, detail, data = await attempt(action, intent, RunContext(), self._hooks.holds_lease)
        outcome = await self._finish(intent, status, detail, data)
        if begun is None:
            return outcome
        return _with_state(outcome, await self.keeper.ran(begun, outcome))

    async def _undo(self, intent: Intent, remedy: Remedy) -> Outcome:
        await self._note_ineffective(intent, remedy)
        now_s = self.keeper.now_s()
        freed = changes.let_go(remedy, {intent.incident_id: "undone"}, now_s)
        ended = freed if freed.state == "undo_failed" else changes.ending(freed, intent.reason, now_s) or freed
        stored = await self.keeper.put(ended)
        if stored is None:
            return await self._finish(intent, "refused", CHANGED_MEANWHILE, {})
        after = await self.keeper.run_undo(stored, intent, by_shard=True)
        status: Status = "executed" if after.state == "undone" else "failed"
        return await self._finish(intent, status, after.reason, state_data(after))

    async def _move_breaker(self, intent: Intent, remedy: Remedy, reopens: bool, shard: int | None) -> Outcome:
        """A breaker opens again, or becomes half open."""
        now_s = self.keeper.now_s()
        moved = move(remedy.breaker, "opened" if reopens else "released", intent.target, now_s)
        assert moved is not None
        if reopens:
            held = changes.joined(remedy, intent, shard, now_s)
        else:
            held = changes.let_go(remedy, {intent.incident_id: "undone"}, now_s)
        # Only what is not paged for is told by the outcome of the intent alone.
        wanted = replace(changes.breaker_moved(held, moved, now_s), told=moved.page is None)
        stored = await self.keeper.put(wanted)
        if stored is None:
            return await self._finish(intent, "refused", CHANGED_MEANWHILE, {})
        status, detail, _ = await self.keeper.set_breaker(stored, intent.key)
        after = await self.keeper.confirmed(stored, status == "executed", detail)
        done: Status = "executed" if status == "executed" else "failed"
        return await self._finish(intent, done, f"{moved.reason}; {detail}", state_data(after))

    async def _note_ineffective(self, intent: Intent, remedy: Remedy) -> None:
        """A shard that undoes a remedy while its incident is open says that it did not help."""
        if intent.incident_id and self._incidents.is_open(intent.incident_id) and remedy.in_force:
            await self._ledger.mark_ineffective(remedy.intent, self._now_s())

    async def _finish(self, intent: Intent, status: Status, detail: str, data: Data) -> Outcome:
        outcome = outcome_of(intent, status, detail, self._now_s(), data)
        await self._ledger.finish(outcome)
        return self._report(outcome)

    def _report(self, outcome: Outcome) -> Outcome:
        write = log.error if outcome.status in ("failed", "interrupted") else log.info
        write(
            "action", status=outcome.status, kind=outcome.kind, target=outcome.target, undo=outcome.undo,
            mode=outcome.mode, key=outcome.key, incident_id=outcome.incident_id, detail=outcome.detail,
        )
        return outcome


def _with_state(outcome: Outcome, remedy: Remedy) -> Outcome:
    return replace(outcome, data={**outcome.data, **state_data(remedy)})


def outcome_of(intent: Intent, status: Status, detail: str, done_at_s: float, data: Data) -> Outcome:
    """The outcome of an intent."""
    return Outcome(
        intent.key, intent.incident_id, intent.kind, intent.target, intent.mode, status, detail, intent.decided_at_s,
        done_at_s, intent.undo, dict(data),
    )

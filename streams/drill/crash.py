"""The drill `crash`: all three roles are killed at random, while replicas fail, targets refuse and people decide.

A role that is killed forgets all that it has in memory. The worker goes on from its last snapshot and repeats what came
after it, the executor from its ledger, the desk from its requests; each gets what it may not have handled once more.
Kills fall between decisions, before and after a target was set, and between an outcome and its publication.
"""

from __future__ import annotations

import random
from collections import Counter

from actions.approvals.desk import Desk
from actions.base import TargetError
from actions.ledger.ledger import MemoryLedger
from actions.limits import LimitParams
from actions.model import HARMLESS, ApprovalTerms, Intent, Outcome
from actions.playbooks.playbook import Match, Playbook, Step, Verify
from actions.remedies.incidents import KnownIncidents
from streams.drill.simulated_fleet import HEALTHY_MS, SERVICE, Latency
from streams.drill.simulated_installation import APPROVER, OUTCOMES, SimulatedInstallation
from streams.drill.verdict import Check, DrillResult, equal
from streams.pipeline import Shard
from streams.replay.record_clock import RecordClock
from streams.replay.replay import ReplayRecord
from streams.state.snapshots import decode, encode

KILLS = 200
WARM_UP_S = 90.0
FAULT_EVERY_S, FAULT_LASTS_S = 60.0, 30.0
QUIET_S = 300.0
PLAY_S = 2.0
SNAPSHOT_EVERY = 5
"""Rounds from one snapshot of the shard to the next."""
SLOW_MS = 900.0
BOOK = Playbook("bad-replica", 1, Match(), "auto", (
    Step("throttle", "{service}/{replica}", id="contain", verify=Verify(2.0, 20.0, 20)),
    Step(
        "circuit_breaker", "{service}/{replica}", id="cut-off", verify=Verify(2.0, 20.0, 20),
        approval=ApprovalTerms(expires_after_s=30.0),
    ),
))


LIMITS = LimitParams(
    cooldown_s=0.0, max_cooldown_s=0.0, actions_per_hour=100_000, service_actions_per_hour=100_000,
    storm_actions=100_000, futile_after=100_000, fleet_share=1.0, share_window_s=0.0,
)
"""Limits that do not hold back the remedies, so that there are many to be killed at."""


class Killed(BaseException):
    """The executor is killed here."""


class CrashingInstallation(SimulatedInstallation):
    """An installation whose roles can be killed. rng: of the moments at which an executor is killed."""

    def __init__(self, seed: int) -> None:
        super().__init__((BOOK,), limits=LIMITS)
        self.rng = random.Random(seed)
        self.kills: Counter[str] = Counter()
        self._dies: str | None = None
        self._stored: tuple[bytes, dict[str, float]] | None = None
        self._since: list[list[ReplayRecord] | Outcome] = []
        self.gateway.on_set = lambda: self._die("after")

    def kill_executor_at(self, moment: str) -> None:
        """Kill the executor when it next runs an intent: before or after the target is set, or before it tells."""
        self._dies = moment

    async def kill_executor(self) -> None:
        """The executor starts again from its ledger: it reads the open incidents, and tells which runs are in doubt."""
        self.kills["execute"] += 1
        self.ledger, self.known = MemoryLedger(self.ledger.log), KnownIncidents()
        for incident in self.incidents.values():
            self.known.observe(incident, self.epoch_s())
        self.known.saw(self.epoch_s())
        self.executor = self._new_executor()
        for outcome in await self.ledger.recover():
            await self._answer(outcome)

    def kill_desk(self) -> None:
        """The desk starts again from the requests, and reads intents, incidents and decisions."""
        self.kills["respond"] += 1
        former, self.desk = self.desk, Desk(self._approvals)
        for request in former.requests.values():
            self.desk.record(request)
        for _, intent in self.intents:
            self.desk.add_intent(intent, 0)
        for incident in self.incidents.values():
            self.desk.add_incident(incident, self.epoch_s())
        for directive, dated_s in self.directives:
            self.desk.add_by_hand(directive, dated_s)

    def store(self) -> None:
        """The worker stores a snapshot."""
        assert self._clock is not None
        self._stored = encode(self._clock.shard.snapshot()), dict(self._clock.highest_s)
        self._since = []

    async def kill_worker(self) -> None:
        """The worker starts again from its snapshot, and repeats what it read since."""
        self.kills["watch"] += 1
        assert self._stored is not None
        snapshot, highest_s = self._stored
        self._clock = clock = RecordClock(Shard.restored(self._plan, decode(snapshot)))
        clock.highest_s = dict(highest_s)
        repeated, self._since = self._since, []
        for each in repeated:
            if isinstance(each, Outcome):
                self._since.append(each)
                await self._take(clock.answer(OUTCOMES, [each]))
            else:
                await self._read(clock, each)

    async def _read(self, clock: RecordClock, records: list[ReplayRecord]) -> None:
        self._since.append(records)
        await super()._read(clock, records)

    async def _answer(self, outcome: Outcome) -> None:
        self._since.append(outcome)
        await super()._answer(outcome)

    async def _act(self, intent: Intent) -> None:
        """As long as the executor is killed on the way, the intent is delivered again."""
        while True:
            try:
                if intent.kind not in HARMLESS:
                    self._die("before")
                outcome = await self.executor.execute(intent, 0)
                self._die("untold")
            except Killed:
                await self.kill_executor()
                continue
            await self._answer(outcome)
            return

    async def _settle(self) -> None:
        """What time makes due; an executor that is killed on the way does it after its start."""
        while True:
            try:
                return await super()._settle()
            except Killed:
                await self.kill_executor()

    def _die(self, moment: str) -> None:
        if self._dies == moment:
            self._dies = None
            raise Killed


async def drill_crash(kills: int = KILLS, seed: int = 1) -> DrillResult:
    """Run the drill, on a simulated clock. seed: of the moments."""
    here = CrashingInstallation(seed)
    await here.play(WARM_UP_S)
    here.store()
    rounds = 0
    while here.kills.total() < kills:
        await _round(here, rounds)
        rounds += 1
    here.gateway.faults.clear()
    await here.play(QUIET_S)
    return DrillResult("crash", checks_of(here, kills))


async def _round(here: CrashingInstallation, number: int) -> None:
    """Some seconds of traffic, with a kill of a role at random, and perhaps a refusal or a decision."""
    rng = here.rng
    role = rng.choice(("watch", "execute", "respond"))
    if role == "watch":
        await here.kill_worker()
    elif role == "respond":
        here.kill_desk()
    elif rng.random() < 0.3:
        await here.kill_executor()
    else:
        here.kill_executor_at(rng.choice(("before", "after", "untold")))
    if rng.random() < 0.05:
        here.gateway.faults.append(TargetError("PUT: answered 500", retryable=True))
    waiting = [one for one in here.desk.requests.values() if one.state == "requested"]
    if waiting and rng.random() < 0.5:
        await here.decide(waiting[0].intent, APPROVER, rng.choice(("approve", "reject")))
    await here.play(PLAY_S, _latency(here))
    if number % SNAPSHOT_EVERY == 0:
        here.store()


def _latency(here: SimulatedInstallation) -> Latency:
    """One replica after the other is slow for a time, limited or not: half of the remedies do not help."""
    def latency(at_s: float, replica: str) -> float:
        number, within_s = divmod(at_s - WARM_UP_S, FAULT_EVERY_S)
        name = f"r{int(number) % 4}"
        helped = number % 2 == 0 and here.gateway.state("throttle", f"{SERVICE}/{name}") == "open"
        return SLOW_MS if replica == name and within_s < FAULT_LASTS_S and not helped else HEALTHY_MS

    return latency


def checks_of(here: CrashingInstallation, kills: int) -> tuple[Check, ...]:
    """The observations with their bars."""
    decided: dict[str, Intent] = {one.key: one for _, one in here.intents}
    acting = {key: one for key, one in decided.items() if one.kind not in HARMLESS and not one.undo}
    ran = Counter(key for _, key in here.gateway.runs if key in acting)
    answered = {one.key for _, one in here.outcomes}
    ended = Counter(
        (subject, event) for subject, event in here.audit if event in ("approved", "rejected", "released")
        and subject in here.desk.requests
    )
    paged = {key for key, one in decided.items() if "page" in str(one.params.get("audiences"))}
    done = {one.key for _, one in here.outcomes if one.status in ("executed", "duplicate")}
    return (
        Check("kills", here.kills.total(), f"at least {kills}", here.kills.total() >= kills),
        Check("remedies_run", len(ran), "at least 5", len(ran) >= 5),
        equal("keys_twice", sum(count > 1 for count in ran.values()), 0),
        equal("requests_ended_twice", sum(count > 1 for count in ended.values()), 0),
        equal("intents_without_an_outcome", len(decided.keys() - answered), 0),
        equal("pages_lost", len(paged - done), 0),
        equal("in_force_at_the_end", sorted(target for _, target in here.ledger.in_force()), []),
        equal("open_at_the_end", sum(one.state != "resolved" for one in here.incidents.values()), 0),
    )

"""The ledger: which intents were claimed and what came of them. It is what makes an action happen at most once.

A key goes unknown -> claimed -> finished and never back. A claim is durable *before* the action runs, so after a crash
a key that is claimed and not finished may or may not have acted: it is *in doubt*, is reported as `interrupted` and
never runs again. `LedgerView` is the pure state machine, built from records; `RecordedLedger` adds an append-only log
under it. A ledger in memory and one in a Kafka topic differ in `append` alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

from actions.model import HARMLESS, Intent, Outcome
from actions.records import LedgerRecord

KeyState = Literal["unknown", "claimed", "in_doubt", "finished"]
Event = Literal["claimed", "restarted", "finished"]

TRANSITIONS: dict[tuple[KeyState, Event], KeyState] = {
    ("unknown", "claimed"): "claimed",
    ("unknown", "finished"): "finished",  # a refusal is final without a claim; compaction keeps the last record only
    ("claimed", "restarted"): "in_doubt",
    ("claimed", "finished"): "finished",
    ("in_doubt", "finished"): "finished",
}
"""Any pair that is not here is illegal: it changes nothing, and the transition says so."""

ATTEMPTED = frozenset({"executed", "failed", "interrupted"})
"""Statuses of actions that had, or may have had, an effect: they count against limits. A rehearsal does not."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The answer to a claim. `state` is the key's state before it; `earlier` the outcome of a key that is finished."""

    won: bool
    reason: str
    state: KeyState = "unknown"
    earlier: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Transition:
    """What one record did to its key. Not `accepted` means that nothing changed."""

    key: str
    before: KeyState
    after: KeyState
    accepted: bool
    reason: str


class Ledger(Protocol):
    """What the executor asks. The coroutines may block on storage; the rest answer from memory at once. A claim
    counts towards every limit when it returns `won`.

    Crash: a claim that returned `won` survives it. Duplicate: a key is won once, ever. A storage fault raises; the
    caller then does not run the action.
    """

    async def claim(self, intent: Intent, now_s: float) -> Claim:
        """Try to win the sole right to run this intent; durable when it returns `won`."""

    async def finish(self, outcome: Outcome) -> None:
        """Record what came of a key; durable when it returns. A second outcome for a key changes nothing."""

    def abandon(self, key: str) -> None:
        """Put a claim in doubt: the task that held it was cancelled, and nobody will finish it."""

    async def trip_storm(self, now_s: float) -> None:
        """Record that the storm brake tripped; it holds, over restarts too, until `reset_storm`."""

    async def reset_storm(self, now_s: float) -> None:
        """Record that a human released the storm brake; earlier actions no longer count towards the next storm."""

    def seen(self, key: str) -> Claim | None:
        """The lost claim that a claim on this key would return, or None for a key never seen."""

    def last_executed_s(self, kind: str, target: str) -> float | None:
        """When an action of this kind last ran, or may have run, on the target. An undo does not count."""

    def executed_since(self, since_s: float) -> int:
        """How many actions ran, or may have run, at or after `since_s`; undos and harmless kinds do not count."""

    def touched(self, kind: str, since_s: float) -> frozenset[str]:
        """Targets on which an action of this kind ran at or after `since_s` and was not undone since."""

    def storm_since_s(self) -> float | None:
        """When the storm brake tripped; None while it is released."""

    def storm_reset_s(self) -> float | None:
        """When the storm brake was last released; None if never."""


@dataclass(frozen=True, slots=True)
class _Entry:
    state: KeyState
    record: LedgerRecord


class LedgerView:
    """The ledger as its records tell it. Pure: no clock, no storage. Costs a dict entry per key until `forget`."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._storm_since_s: float | None = None
        self._storm_reset_s: float | None = None

    def __len__(self) -> int:
        return len(self._entries)

    def apply(self, record: LedgerRecord) -> Transition:
        """Take one record of the log into the view. Order matters within a key only: the first claim wins."""
        if record.event in ("storm_tripped", "storm_reset"):
            return self._apply_storm(record)
        event: Event = "finished" if record.event == "finished" else "claimed"
        before = self.state(record.key)
        after = TRANSITIONS.get((before, event))
        if after is None:
            return Transition(record.key, before, before, False, f"{event} is illegal: the key is {before}")
        self._entries[record.key] = _Entry(after, record)
        return Transition(record.key, before, after, True, f"{before} -> {after}")

    def restart(self, concerns: Callable[[LedgerRecord], bool] = lambda _: True) -> list[Outcome]:
        """After a replay: put claims without an outcome in doubt, and return all in doubt as `interrupted` outcomes.

        `concerns` narrows it to the claims whose owner is known to be gone. The caller passes each outcome to
        `finish` and publishes it. Repeating it before they are finished returns the same outcomes.
        """
        outcomes = []
        for key, entry in self._entries.items():
            after = TRANSITIONS.get((entry.state, "restarted"))
            if after is not None and concerns(entry.record):
                self._entries[key] = entry = _Entry(after, entry.record)
            if entry.state == "in_doubt":
                outcomes.append(entry.record.interrupted())
        return outcomes

    def state(self, key: str) -> KeyState:
        """Where the key stands."""
        entry = self._entries.get(key)
        return "unknown" if entry is None else entry.state

    def record(self, key: str) -> LedgerRecord | None:
        """The last accepted record of the key."""
        entry = self._entries.get(key)
        return None if entry is None else entry.record

    def seen(self, key: str) -> Claim | None:
        """See `Ledger.seen`."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        record = entry.record
        if entry.state == "finished":
            return Claim(False, f"already {record.status}: {record.detail}", "finished", record.outcome())
        if entry.state == "in_doubt":
            return Claim(False, "claimed before a crash, so it may have run", "in_doubt", record.interrupted())
        return Claim(False, f"claimed at {record.at_s:.3f} by {record.owner or 'this process'}", "claimed")

    def last_executed_s(self, kind: str, target: str) -> float | None:
        """See `Ledger.last_executed_s`."""
        times = [r.at_s for r in self._attempts() if r.kind == kind and r.target == target and not r.undo]
        return max(times, default=None)

    def executed_since(self, since_s: float) -> int:
        """See `Ledger.executed_since`."""
        return sum(r.at_s >= since_s and not r.undo and r.kind not in HARMLESS for r in self._attempts())

    def touched(self, kind: str, since_s: float) -> frozenset[str]:
        """See `Ledger.touched`. An undo frees its target only if it certainly ran."""
        done_s: dict[str, float] = {}
        undone_s: dict[str, float] = {}
        for record in self._attempts():
            if record.kind != kind or (record.undo and record.status != "executed"):
                continue
            times = undone_s if record.undo else done_s
            times[record.target] = max(record.at_s, times.get(record.target, record.at_s))
        return frozenset(t for t, at_s in done_s.items() if at_s >= since_s and not undone_s.get(t, at_s - 1) >= at_s)

    def storm_since_s(self) -> float | None:
        """See `Ledger.storm_since_s`."""
        return self._storm_since_s

    def storm_reset_s(self) -> float | None:
        """See `Ledger.storm_reset_s`."""
        return self._storm_reset_s

    def forget(self, before_s: float) -> list[str]:
        """Drop finished keys older than `before_s` and return them, for tombstones.

        Safe only for `before_s` older than the longest life of an intent: a forgotten key would be won again, so what
        keeps it from running is its expiry.
        """
        old = [k for k, e in self._entries.items() if e.state == "finished" and e.record.at_s < before_s]
        for key in old:
            del self._entries[key]
        return old

    def _attempts(self) -> Iterable[LedgerRecord]:
        for entry in self._entries.values():
            if entry.state != "finished" or entry.record.status in ATTEMPTED:
                yield entry.record

    def _apply_storm(self, record: LedgerRecord) -> Transition:
        if record.event == "storm_tripped" and self._storm_since_s is None:
            self._storm_since_s = record.at_s
        elif record.event == "storm_reset" and (self._storm_reset_s is None or record.at_s > self._storm_reset_s):
            self._storm_since_s, self._storm_reset_s = None, record.at_s
        else:
            return Transition(record.key, "unknown", "unknown", False, f"{record.event} changes nothing")
        return Transition(record.key, "unknown", "unknown", True, record.event)


class ViewedLedger(ABC):
    """What every ledger over a `LedgerView` shares: the view answers, and the storm brake is noted in the log."""

    def __init__(self) -> None:
        self.view = LedgerView()
        self.seen = self.view.seen
        self.last_executed_s = self.view.last_executed_s
        self.executed_since = self.view.executed_since
        self.touched = self.view.touched
        self.storm_since_s = self.view.storm_since_s
        self.storm_reset_s = self.view.storm_reset_s

    async def trip_storm(self, now_s: float) -> None:
        """See `Ledger.trip_storm`."""
        await self._note(LedgerRecord.storm("storm_tripped", now_s))

    async def reset_storm(self, now_s: float) -> None:
        """See `Ledger.reset_storm`."""
        await self._note(LedgerRecord.storm("storm_reset", now_s))

    @abstractmethod
    async def _note(self, record: LedgerRecord) -> None:
        """Take a record of the storm brake into the view, and into the log if the view accepts it."""


class RecordedLedger(ViewedLedger):
    """A `Ledger` over an append-only log. `append` returns when the record is durable, and raises when it may not be.

    Crash: replay the log through `replay`, then `recover`. A claim whose append failed is put in doubt, not released:
    the log may hold it. One process owns a key at a time; an implementation whose log has several writers reads its
    own claim back and lets `LedgerView.apply` name the first. `owner` goes into each claim to that end.
    """

    def __init__(self, append: Callable[[LedgerRecord], Awaitable[None]], owner: str = "") -> None:
        super().__init__()
        self._append = append
        self._owner = owner

    def replay(self, records: Iterable[LedgerRecord]) -> None:
        """Take records that are already in the log."""
        for record in records:
            self.view.apply(record)

    async def recover(self) -> list[Outcome]:
        """After `replay`: finish every claim in doubt as `interrupted`, and return these outcomes for publishing."""
        outcomes = self.view.restart()
        for outcome in outcomes:
            await self.finish(outcome)
        return outcomes

    async def claim(self, intent: Intent, now_s: float) -> Claim:
        """See `Ledger.claim`. The view is claimed before the append, so that no second task wins during it."""
        lost = self.view.seen(intent.key)
        if lost is not None:
            return lost
        record = LedgerRecord.claimed(intent, now_s, self._owner)
        self.view.apply(record)
        try:
            await self._append(record)
        except BaseException:
            self.abandon(intent.key)
            raise
        return Claim(True, "first claim of this key")

    async def finish(self, outcome: Outcome) -> None:
        """See `Ledger.finish`. The view learns it first: what ran has run, whether or not the log could be told."""
        record = LedgerRecord.finished(outcome, self.view.record(outcome.key))
        if self.view.apply(record).accepted:
            await self._append(record)

    def abandon(self, key: str) -> None:
        """See `Ledger.abandon`."""
        self.view.restart(lambda record: record.key == key)

    async def _note(self, record: LedgerRecord) -> None:
        if self.view.apply(record).accepted:
            await self._append(record)


class MemoryLedger(RecordedLedger):
    """A ledger for replays and tests: `log` holds what a durable one would have stored."""

    def __init__(self, log: Iterable[LedgerRecord] = ()) -> None:
        self.log: list[LedgerRecord] = []
        super().__init__(self._keep)
        for record in log:
            self.log.append(record)
        self.replay(self.log)

    async def _keep(self, record: LedgerRecord) -> None:
        self.log.append(record)

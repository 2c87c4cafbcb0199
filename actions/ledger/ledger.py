"""The ledger: which intents were claimed, and their outcomes. It guarantees that an action runs at most once.

A claim is durable *before* the action runs. After a crash a key that is claimed and not finished is in doubt: it is
reported as `interrupted` and never runs again. `BaseLedger` is the protocol of claims over any append-only log: in
memory here, in a Kafka topic in `streams/state/ledger.py`. The state of the keys is in `actions/ledger/view.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Protocol

from actions.ledger.past import Past
from actions.ledger.records import LedgerRecord
from actions.ledger.remedy import Remedy
from actions.ledger.view import Claim, LedgerView
from actions.limits import PastActions
from actions.model import Intent, Outcome


class Ledger(PastActions, Protocol):
    """The interface of the executor. The coroutines may block on storage; the other methods answer from memory.

    A claim counts towards every limit once it has returned `won`. Crash: a claim that returned `won` survives.
    Duplicate: a key is won once, ever. A storage fault raises, and the caller then does not run the action.
    """

    async def claim(self, intent: Intent, now_s: float) -> Claim:
        """Try to get the sole right to run this intent; durable when it returns `won`.

        When it returns, all claims that were durable before this one are known here.
        """

    def without(self, key: str) -> PastActions:
        """What is known of all actions but this one."""

    async def finish(self, outcome: Outcome) -> None:
        """Record the outcome of a key; durable when it returns. A second outcome of a key changes nothing."""

    def abandon(self, key: str) -> None:
        """Put a claim in doubt: the task that held it was cancelled, and nothing will finish it."""

    async def trip_storm(self, now_s: float) -> None:
        """Record that the storm brake tripped. It stays tripped, also after restarts, until `reset_storm`."""

    async def reset_storm(self, now_s: float) -> None:
        """Record that the storm brake was released. Earlier actions no longer count towards the next storm."""

    async def put_remedy(self, remedy: Remedy) -> bool:
        """Record the next version of a remedy; durable when it returns. False when another writer's version came first.

        Nothing may be changed at the target before it returned True.
        """

    async def mark_ineffective(self, intent: Intent, now_s: float) -> None:
        """Record that the run of an intent did not help. Marking an intent again changes nothing."""

    async def judge_ineffective(self, key: str, now_s: float) -> None:
        """As `mark_ineffective`, by the key of an intent; does nothing for one that is not known."""

    def remedy(self, kind: str, target: str) -> Remedy | None:
        """What is, or was last, in force at a target by a kind of action."""

    def remedies(self) -> list[Remedy]:
        """All remedies that are known, also those that ended."""

    def lookup(self, key: str) -> Claim | None:
        """The result that a claim of this key would have, or None for an unknown key."""


class BaseLedger(ABC):
    """What all ledgers share. The view answers queries; a subclass says how a record becomes durable."""

    def __init__(self) -> None:
        self.view = LedgerView()
        self.lookup = self.view.lookup
        past = Past(self.view)
        self.last_executed_s = past.last_executed_s
        self.executed_since = past.executed_since
        self.targets_acted_on = past.targets_acted_on
        self.in_force = past.in_force
        self.targets_in_force = past.targets_in_force
        self.ineffective_runs = past.ineffective_runs
        self.ineffective_steps = past.ineffective_steps
        self.attempts_of = past.attempts_of
        self.storm_since_s = self.view.storm_since_s
        self.storm_reset_s = self.view.storm_reset_s
        self.remedy = self.view.remedy
        self.remedies = self.view.remedies

    def without(self, key: str) -> PastActions:
        """See `Ledger.without`."""
        return Past(self.view, key)

    async def claim(self, intent: Intent, now_s: float) -> Claim:
        """See `Ledger.claim`. A claim whose storing failed is put in doubt, not released: the log may hold it."""
        earlier = self.view.lookup(intent.key)
        if earlier is not None:
            return earlier
        record = LedgerRecord.claimed(intent, now_s, self._new_owner())
        try:
            await self._store_claim(record)
        except BaseException:
            self._abandon_claim(record)
            raise
        if self._holds(record):
            return Claim(True, "first claim of this key")
        return self.view.lookup(intent.key) or Claim(False, "the key was claimed and forgotten in between")

    async def finish(self, outcome: Outcome) -> None:
        """See `Ledger.finish`. The view is updated first: the action has run, even if the log cannot be written."""
        record = LedgerRecord.finished(outcome, self.view.record(outcome.key))
        if self.view.apply(record).accepted:
            await self._store(record)

    async def trip_storm(self, now_s: float) -> None:
        """See `Ledger.trip_storm`."""
        await self._record_storm(LedgerRecord.storm("storm_tripped", now_s))

    async def reset_storm(self, now_s: float) -> None:
        """See `Ledger.reset_storm`."""
        await self._record_storm(LedgerRecord.storm("storm_reset", now_s))

    async def put_remedy(self, remedy: Remedy) -> bool:
        """See `Ledger.put_remedy`."""
        written = replace(remedy, owner=self._new_owner())
        await self._store_remedy(written)
        found = self.view.remedy(remedy.kind, remedy.target)
        return found is not None and (found.version, found.owner) == (written.version, written.owner)

    async def mark_ineffective(self, intent: Intent, now_s: float) -> None:
        """See `Ledger.mark_ineffective`."""
        record = LedgerRecord.ineffective(intent, now_s)
        if self.view.apply(record).accepted:
            await self._store(record)

    async def judge_ineffective(self, key: str, now_s: float) -> None:
        """See `Ledger.judge_ineffective`."""
        known = self.view.record(key)
        record = None if known is None else known.in_vain(now_s)
        if record is not None and self.view.apply(record).accepted:
            await self._store(record)

    async def _record_storm(self, record: LedgerRecord) -> None:
        if self.view.apply(record).accepted:
            await self._store(record)

    def _holds(self, claim: LedgerRecord) -> bool:
        """Whether this claim is the one that won its key, and is still open."""
        first = self.view.record(claim.key)
        return first is not None and first.owner == claim.owner and self.view.state(claim.key) == "claimed"

    @abstractmethod
    def _new_owner(self) -> str:
        """The owner of the next claim, for the log."""

    @abstractmethod
    async def _store(self, record: LedgerRecord) -> None:
        """Append a record to the log. Returns when it is durable, and raises when it may not be."""

    @abstractmethod
    async def _store_claim(self, record: LedgerRecord) -> None:
        """Append a claim to the log, and return when the view holds the first claim of its key."""

    @abstractmethod
    async def _store_remedy(self, remedy: Remedy) -> None:
        """Append a remedy to the log, and return when the view holds the first record of its version."""

    @abstractmethod
    def _abandon_claim(self, record: LedgerRecord) -> None:
        """Put this claim in doubt."""


class RecordedLedger(BaseLedger):
    """A `Ledger` over an append-only log. `append` returns when the record is durable, and raises when it may not be.

    Crash: pass the log to `replay`, then call `recover`. One process owns a key at a time. A ledger whose log has
    several writers reads its own claim back and lets `LedgerView.apply` name the first claim; that is why each claim
    has an `owner`.
    """

    def __init__(self, append: Callable[[LedgerRecord | Remedy], Awaitable[None]], owner: str = "") -> None:
        super().__init__()
        self._append = append
        self._owner = owner

    def replay(self, records: Iterable[LedgerRecord | Remedy]) -> None:
        """Apply records that are already in the log."""
        for record in records:
            if isinstance(record, Remedy):
                self.view.apply_remedy(record)
            else:
                self.view.apply(record)

    async def recover(self) -> list[Outcome]:
        """After `replay`: finish every claim in doubt as `interrupted`, and return these outcomes for publishing."""
        outcomes = self.view.put_in_doubt()
        for outcome in outcomes:
            await self.finish(outcome)
        return outcomes

    def abandon(self, key: str) -> None:
        """See `Ledger.abandon`."""
        self.view.put_in_doubt(lambda record: record.key == key)

    def _new_owner(self) -> str:
        return self._owner

    async def _store(self, record: LedgerRecord) -> None:
        await self._append(record)

    async def _store_claim(self, record: LedgerRecord) -> None:
        # The view holds the claim before the append, so that no second task wins during it.
        self.view.apply(record)
        await self._append(record)

    async def _store_remedy(self, remedy: Remedy) -> None:
        await self._append(remedy)
        self.view.apply_remedy(remedy)

    def _abandon_claim(self, record: LedgerRecord) -> None:
        self.abandon(record.key)


class MemoryLedger(RecordedLedger):
    """A ledger for replays and tests. `log` holds what a durable ledger would have stored."""

    def __init__(self, log: Iterable[LedgerRecord | Remedy] = ()) -> None:
        self.log = list(log)
        super().__init__(self._keep)
        self.replay(self.log)

    async def _keep(self, record: LedgerRecord | Remedy) -> None:
        self.log.append(record)

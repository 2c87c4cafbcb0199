"""The state of the ledger's keys, built from its records: a pure state machine.

A key goes unknown -> claimed -> finished and never back. A key that is claimed and whose owner is gone is *in doubt*:
its action may or may not have run. It is reported as `interrupted` and never runs again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from actions.ledger.records import LedgerRecord
from actions.model import HARMLESS, Outcome

KeyState = Literal["unknown", "claimed", "in_doubt", "finished"]
Event = Literal["claimed", "abandoned", "finished"]

TRANSITIONS: dict[tuple[KeyState, Event], KeyState] = {
    ("unknown", "claimed"): "claimed",
    ("unknown", "finished"): "finished",  # a refusal is final without a claim; compaction keeps only the last record
    ("claimed", "abandoned"): "in_doubt",
    ("claimed", "finished"): "finished",
    ("in_doubt", "finished"): "finished",
}
"""Any pair that is not here is illegal: it changes nothing, and `Applied.accepted` is False."""

ATTEMPTED = frozenset({"executed", "failed", "interrupted"})
"""Statuses of actions that had, or may have had, an effect: they count against limits. A rehearsal does not."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The result of a claim. state: of the key before it. earlier: the outcome of a key that is finished or in doubt.
    """

    won: bool
    reason: str
    state: KeyState = "unknown"
    earlier: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """The effect of one record on its key. accepted: False when nothing changed."""

    key: str
    before: KeyState
    after: KeyState
    accepted: bool
    reason: str


@dataclass(frozen=True, slots=True)
class _Entry:
    state: KeyState
    record: LedgerRecord


class LedgerView:
    """The state of all keys, built from the ledger's records. Pure: no clock, no storage.

    Memory: one dict entry per key until `forget`.
    """

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._storm_since_s: float | None = None
        self._storm_reset_s: float | None = None

    def __len__(self) -> int:
        return len(self._entries)

    def apply(self, record: LedgerRecord) -> Applied:
        """Apply one record of the log. Only the order within a key matters: the first claim wins."""
        if record.event in ("storm_tripped", "storm_reset"):
            return self._apply_storm(record)
        event: Event = "finished" if record.event == "finished" else "claimed"
        before = self.state(record.key)
        after = TRANSITIONS.get((before, event))
        if after is None:
            return Applied(record.key, before, before, False, f"{event} is illegal: the key is {before}")
        self._entries[record.key] = _Entry(after, record)
        return Applied(record.key, before, after, True, f"{before} -> {after}")

    def put_in_doubt(self, selected: Callable[[LedgerRecord], bool] = lambda _: True) -> list[Outcome]:
        """Put claims without an outcome in doubt, and return all keys in doubt as `interrupted` outcomes.

        selected: restricts it to claims whose owner is known to be gone. The caller passes each outcome to `finish` and
        publishes it. Until then a repeated call returns the same outcomes.
        """
        outcomes = []
        for key, entry in self._entries.items():
            after = TRANSITIONS.get((entry.state, "abandoned"))
            if after is not None and selected(entry.record):
                self._entries[key] = entry = _Entry(after, entry.record)
            if entry.state == "in_doubt":
                outcomes.append(entry.record.interrupted())
        return outcomes

    def state(self, key: str) -> KeyState:
        """The state of a key."""
        entry = self._entries.get(key)
        return "unknown" if entry is None else entry.state

    def record(self, key: str) -> LedgerRecord | None:
        """The last accepted record of the key."""
        entry = self._entries.get(key)
        return None if entry is None else entry.record

    def lookup(self, key: str) -> Claim | None:
        """See `Ledger.lookup`."""
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
        """See `PastActions.last_executed_s`."""
        times = [r.at_s for r in self._attempts() if r.kind == kind and r.target == target and not r.undo]
        return max(times, default=None)

    def executed_since(self, since_s: float) -> int:
        """See `PastActions.executed_since`."""
        return sum(r.at_s >= since_s and not r.undo and r.kind not in HARMLESS for r in self._attempts())

    def targets_acted_on(self, kind: str, since_s: float) -> frozenset[str]:
        """See `PastActions.targets_acted_on`. An undo counts only if it certainly ran."""
        done_s: dict[str, float] = {}
        undone_s: dict[str, float] = {}
        for record in self._attempts():
            if record.kind != kind or (record.undo and record.status != "executed"):
                continue
            times = undone_s if record.undo else done_s
            times[record.target] = max(record.at_s, times.get(record.target, record.at_s))
        return frozenset(t for t, at_s in done_s.items() if at_s >= since_s and not undone_s.get(t, at_s - 1) >= at_s)

    def storm_since_s(self) -> float | None:
        """See `PastActions.storm_since_s`."""
        return self._storm_since_s

    def storm_reset_s(self) -> float | None:
        """See `PastActions.storm_reset_s`."""
        return self._storm_reset_s

    def forget(self, before_s: float) -> list[str]:
        """Drop finished keys older than `before_s` and return them, for tombstones.

        A forgotten key could be won again. So `before_s` must be older than the longest life of an intent: then its
        expiry keeps the intent from running.
        """
        old = [k for k, e in self._entries.items() if e.state == "finished" and e.record.at_s < before_s]
        for key in old:
            del self._entries[key]
        return old

    def _attempts(self) -> Iterable[LedgerRecord]:
        for entry in self._entries.values():
            if entry.state != "finished" or entry.record.status in ATTEMPTED:
                yield entry.record

    def _apply_storm(self, record: LedgerRecord) -> Applied:
        if record.event == "storm_tripped" and self._storm_since_s is None:
            self._storm_since_s = record.at_s
        elif record.event == "storm_reset" and (self._storm_reset_s is None or record.at_s > self._storm_reset_s):
            self._storm_since_s, self._storm_reset_s = None, record.at_s
        else:
            return Applied(record.key, "unknown", "unknown", False, f"{record.event} changes nothing")
        return Applied(record.key, "unknown", "unknown", True, record.event)

"""The state of the ledger's keys, built from its records: a pure state machine.

A key goes unknown -> claimed -> finished and never back. A key that is claimed and whose owner is gone is *in doubt*:
its action may or may not have run. It is reported as `interrupted` and never runs again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from actions.ledger.records import LedgerRecord
from actions.ledger.remedy import Remedy, remedy_key
from actions.model import Outcome

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
JOINED = "joined"
"""Set in the data of an outcome whose intent ran nothing, since what it wants was in force already."""


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
        self._remedies: dict[str, Remedy] = {}
        self._ineffective: dict[str, LedgerRecord] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def apply(self, record: LedgerRecord) -> Applied:
        """Apply one record of the log. Only the order within a key matters: the first claim wins."""
        if record.event in ("storm_tripped", "storm_reset"):
            return self._apply_storm(record)
        if record.event == "ineffective":
            is_new = self._ineffective.setdefault(record.key, record) is record
            return Applied(record.key, "unknown", "unknown", is_new, "the run did not help")
        event: Event = "finished" if record.event == "finished" else "claimed"
        before = self.state(record.key)
        after = TRANSITIONS.get((before, event))
        if after is None:
            return Applied(record.key, before, before, False, f"{event} is illegal: the key is {before}")
        self._entries[record.key] = _Entry(after, record)
        return Applied(record.key, before, after, True, f"{before} -> {after}")

    def apply_remedy(self, remedy: Remedy) -> bool:
        """Apply one record of a remedy; False when one of this version or a higher one is known: the first counts."""
        known = self._remedies.get(remedy.key)
        if known is not None and remedy.version <= known.version:
            return False
        self._remedies[remedy.key] = remedy
        return True

    def remedy(self, kind: str, target: str) -> Remedy | None:
        """What is, or was last, in force at a target by a kind of action."""
        return self._remedies.get(remedy_key(kind, target))

    def remedies(self) -> list[Remedy]:
        """All remedies that are known, also those that ended."""
        return list(self._remedies.values())

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

    def attempts(self) -> Iterable[LedgerRecord]:
        """The records of actions that had, or may have had, an effect."""
        for entry in self._entries.values():
            joined = entry.record.data.get(JOINED) is True
            if not joined and (entry.state != "finished" or entry.record.status in ATTEMPTED):
                yield entry.record

    def ineffective(self) -> Iterable[LedgerRecord]:
        """The records of runs that did not help."""
        return self._ineffective.values()

    def claimed(self) -> Iterable[LedgerRecord]:
        """The claims without an outcome."""
        return (entry.record for entry in self._entries.values() if entry.state != "finished")

    def storm_since_s(self) -> float | None:
        """When the storm brake tripped; None while it is released."""
        return self._storm_since_s

    def storm_reset_s(self) -> float | None:
        """When the storm brake was last released; None if never."""
        return self._storm_reset_s

    def forget(self, before_s: float) -> list[str]:
        """Drop finished keys and remedies that ended before `before_s` and return their keys, for tombstones.

        A forgotten key could be won again. So `before_s` must be older than the longest life of an intent: then its
        expiry keeps the intent from running.
        """
        old = [k for k, e in self._entries.items() if e.state == "finished" and e.record.at_s < before_s]
        vain = [key for key, record in self._ineffective.items() if record.at_s < before_s]
        ended = [key for key, each in self._remedies.items() if _is_over(each) and each.changed_s < before_s]
        for key in old:
            del self._entries[key]
        for key in vain:
            del self._ineffective[key]
        for key in ended:
            del self._remedies[key]
        return [*old, *vain, *ended]

    def _apply_storm(self, record: LedgerRecord) -> Applied:
        if record.event == "storm_tripped" and self._storm_since_s is None:
            self._storm_since_s = record.at_s
        elif record.event == "storm_reset" and (self._storm_reset_s is None or record.at_s > self._storm_reset_s):
            self._storm_since_s, self._storm_reset_s = None, record.at_s
        else:
            return Applied(record.key, "unknown", "unknown", False, f"{record.event} changes nothing")
        return Applied(record.key, "unknown", "unknown", True, record.event)


def _is_over(remedy: Remedy) -> bool:
    """A breaker that a person disabled stays so until it is cleared."""
    return not remedy.in_force and (remedy.breaker is None or remedy.breaker.state == "closed")

"""When the owner of a shard writes a tick, and up to when windows close by it. Pure.

Silence is judged only by time in which the owner sees: it holds the lease of the group, every source was read to its
end by fetches that were sent and answered lately, no transaction of the owner hangs, and it has not just come back from
being blind. After blindness event time is held for a while, because producers that were cut off deliver late and out of
order; and silence is not judged until they have delivered again. A new owner judges no silence for a while; one whose
process has just started, not even of a single series.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, inf

from classifiers.directives import Directive
from classifiers.model import Incident
from streams.contracts.ticks import Tick
from streams.ownership.outage import HOLD_S, NO_CONTACT, Contact, Outage
from streams.pipeline import Products, Shard
from streams.shard.event_time import Arrival, Lesson

RETURN_S = 45.0
"""How long producers may take to deliver again after blindness; whoever has not by then is silent."""
TAKE_OVER_S = 15.0
"""A shard that had no tick for longer was not just taken over from a killed owner: the broker may have been away."""
HANGS_AFTER_S = 2.0
"""A transaction that takes longer hangs, and what producers send may hang too. A broker that is well needs 0.03 s."""
ABSENCE_MARGIN_S = 1e-3
"""Windows that close by so much less show no absence yet."""
TIME_EVERY_S = 30.0
"""Records are checked against the time of the last tick, so none may be older."""
PUBLISH_EVERY_S = 1.0
"""How long dead letters wait at most, where no record is good enough to close a window."""
BACKLOG_EVERY_S = 1.0
"""Between two ticks while records wait to be read: more would cost throughput and gain nothing."""
MAX_WINDOWS = 16
"""How many windows with records one tick closes at most: a worker that closes windows does nothing else meanwhile."""


@dataclass(frozen=True, slots=True)
class SupplyView:
    """What an owner knows of its supply at one moment.

    holds_lease: nobody else can own the shard yet. sees: every source was read, or asked and answered, lately. at_end:
    the sources that are known to be read to their end. transaction_s: how long the transaction under way has waited for
    the broker, 0 without one. contact: what the worker saw of the broker, also before it owned the shard.
    """

    holds_lease: bool
    sees: bool
    at_end: frozenset[str]
    transaction_s: float = 0.0
    contact: Contact = NO_CONTACT

    @property
    def is_blind(self) -> bool:
        """Whether nothing may be concluded from what does not arrive."""
        return not (self.holds_lease and self.sees) or self.transaction_s >= HANGS_AFTER_S


@dataclass(frozen=True, slots=True)
class Pending:
    """What waits for a tick beside records and outcomes. unpublished: whether dead letters or audit entries do; a tick
    contains none of them, but they are published with it."""

    directives: Sequence[Directive] = ()
    incidents: Sequence[Incident] = ()
    lost: Sequence[Incident] = ()
    unpublished: bool = False

    def __bool__(self) -> bool:
        return bool(self.directives or self.incidents or self.lost)


class TickPolicy:
    """The policy for one shard and one ownership. generation: of this ownership. owned_since_s: steady clock.

    All times `steady_s` are of one clock that counts suspended time; `wall_s` is seconds since the epoch.
    """

    def __init__(self, generation: int, owned_since_s: float) -> None:
        self._generation = generation
        self._owned_since_s = owned_since_s
        self._silence_from_s = self._learn_from_s = owned_since_s + HOLD_S
        self._is_checked = False
        self._found_old = False
        self._contact_since_s = -inf
        self._has_seen = False
        self._seen_s = owned_since_s
        self._at_end: frozenset[str] = frozenset()
        self._blind_since_s: float | None = None
        self._hold_until_s = -inf
        self._outage: Outage | None = None
        """The last one that has ended; blindness of the owner counts as one."""
        self._saw_again_s = -inf
        self._back_at_s: float | None = None
        """Event time of the end of the last blindness, until everything delivered after it."""
        self._ticked_s = -inf

    def observe(self, view: SupplyView, steady_s: float) -> None:
        """To be called often, also while nothing arrives and while a transaction is under way.

        Blindness began when the owner last saw. A transaction that hangs is blindness from its begin, so a young one is
        no sight yet.
        """
        self._at_end = view.at_end
        self._contact_since_s = view.contact.since_s
        for outage in view.contact.outages:
            self._note_outage(outage, steady_s)
        if view.is_blind:
            if self._blind_since_s is None:
                self._blind_since_s = self._seen_s
            return
        if view.transaction_s > 0.0:
            return
        if self._blind_since_s is not None:
            # The first fetch of an ownership takes a moment. That says nothing of the broker.
            if self._has_seen or steady_s - self._blind_since_s >= HANGS_AFTER_S:
                self._note_outage(Outage(self._blind_since_s, steady_s), steady_s)
            self._blind_since_s = None
        self._has_seen, self._seen_s = True, steady_s

    def blind_for_s(self, steady_s: float) -> float:
        """How long the owner has been blind, 0 while it sees."""
        return 0.0 if self._blind_since_s is None else steady_s - self._blind_since_s

    def is_holding(self, steady_s: float) -> bool:
        """Whether event time is held."""
        return self._blind_since_s is not None or steady_s < self._hold_until_s

    def lesson(self, steady_s: float, from_backlog: bool) -> Lesson:
        """What may be learned of records that arrive now. How their producers deliver, but not soon after the producers
        may have been cut off, and a new owner cannot know that they were not."""
        is_settled = not self.is_holding(steady_s) and self._back_at_s is None and steady_s >= self._learn_from_s
        if is_settled and not from_backlog:
            return "cadence"
        was_cut_off = self._blind_since_s is not None or self._hold_until_s > -inf
        return "order" if is_settled or not was_cut_off else "nothing"

    def learn(self, shard: Shard, products: Products, steady_s: float, wall_s: float, repeated: bool) -> None:
        """Event time follows records that the shard was given. repeated: they waited for ticks to be repeated."""
        source, times = products.source, products.times
        if source is None or times is None:
            return
        lesson = self.lesson(steady_s, from_backlog=repeated or source not in self._at_end)
        shard.event_time.observe(
            source, Arrival(steady_s, times.oldest_s, times.newest_s, times.disorder_s, wall_s, times.ts_s), lesson,
        )

    def due(self, shard: Shard, view: SupplyView, pending: Pending, steady_s: float, wall_s: float) -> Tick | None:
        """The tick to write now, if any. Right before it is applied, its offsets must still be those of the shard."""
        if not view.holds_lease:
            return None
        self._check_producers(shard, view, steady_s, wall_s)
        until_s = None if self.is_holding(steady_s) else self._close_until_s(shard, view, steady_s, wall_s)
        has_backlog = not view.at_end >= shard.plan.sources.keys()
        if until_s is not None:
            whole_s, until_s = until_s, shard.windower.limit_s(until_s, MAX_WINDOWS)
            if until_s == whole_s and has_backlog and steady_s - self._ticked_s < BACKLOG_EVERY_S:
                until_s = None
        at_s = shard.event_time.latest_now_s(steady_s, wall_s)
        needs_time = shard.ticked_at_s is None or abs(at_s - shard.ticked_at_s) >= TIME_EVERY_S
        publishes = pending.unpublished and steady_s - self._ticked_s >= PUBLISH_EVERY_S
        if until_s is None and not (pending or shard.has_outcomes or needs_time or publishes):
            return None
        self._ticked_s = steady_s
        flush = () if until_s is None else shard.event_time.silent(steady_s, view.at_end)
        return Tick(
            self._generation, at_s, dict(shard.offsets), until_s, flush, tuple(pending.directives),
            tuple(pending.incidents), tuple(pending.lost), dict(shard.begins),
            ignored=tuple(shard.ignored),
        )

    def opening(self, shard: Shard, steady_s: float, wall_s: float) -> Tick:
        """The first tick of an ownership: it brings the time, and proves that the log takes the owner's ticks."""
        # The state of earlier owners was refused: it would say who reports.
        is_lost = shard.ticked_at_s is None and self._generation > 1
        was_unowned = shard.ticked_at_s is not None and wall_s - shard.ticked_at_s > TAKE_OVER_S
        if was_unowned or (is_lost and self._has_just_started):
            self._hold_until_s = max(self._hold_until_s, self._silence_from_s)
        return Tick(
            self._generation, shard.event_time.latest_now_s(steady_s, wall_s), dict(shard.offsets),
            begins=dict(shard.begins), anew=shard.ticked_at_s is None, config_hash=shard.plan.config_hash,
            ignored=tuple(shard.ignored),
        )

    @property
    def _has_just_started(self) -> bool:
        """Whether the process of this owner had not watched the broker for long when it took over."""
        return self._contact_since_s > self._owned_since_s - TAKE_OVER_S

    def _note_outage(self, outage: Outage, steady_s: float) -> None:
        """Hold event time after an outage that was not noted yet, unless producers had their time to return."""
        if steady_s - outage.ended_s >= RETURN_S:
            return
        if self._outage is None or outage.ended_s > self._outage.ended_s:
            self._outage = outage.after(self._outage)
            self._hold_until_s = max(self._hold_until_s, self._outage.hold_until_s)
            self._saw_again_s, self._back_at_s = outage.ended_s, -inf

    def _check_producers(self, shard: Shard, view: SupplyView, steady_s: float, wall_s: float) -> None:
        """Hold event time in a new ownership when the log shows, once it is read to its end, that producers were
        perhaps cut off: what is newest is old. Whoever comes back first must not make the others late."""
        if self._is_checked or not view.at_end >= shard.plan.sources.keys():
            return
        self._is_checked = True
        if not shard.event_time.is_current(steady_s, wall_s):
            self._hold_until_s = max(self._hold_until_s, self._silence_from_s)
            self._saw_again_s, self._back_at_s, self._found_old = steady_s, -inf, True

    def _close_until_s(self, shard: Shard, view: SupplyView, steady_s: float, wall_s: float) -> float | None:
        judge_silence = self._are_producers_back(shard, steady_s, wall_s) and steady_s >= self._silence_from_s
        until_s = shard.event_time.close_until_s(steady_s, wall_s, view.at_end, judge_silence)
        if until_s is None or not _closes_any(shard, until_s):
            return None
        if steady_s < self._silence_from_s and self._has_just_started:
            # It cannot know whether who is silent lost its broker while nobody watched.
            until_s = min(until_s, shard.first_absence_s(until_s) - ABSENCE_MARGIN_S)
        return _whole_windows_s(shard, until_s) if _closes_any(shard, until_s) else None

    def _are_producers_back(self, shard: Shard, steady_s: float, wall_s: float) -> bool:
        """Whether every source has delivered something newer than the end of the last blindness, or had its time."""
        if self._back_at_s is None:
            return True
        if self._back_at_s == -inf:
            now_s = shard.event_time.producers_now_s(steady_s, wall_s)
            self._back_at_s = now_s - (steady_s - self._saw_again_s)
        event_time = shard.event_time
        # What the producers' clocks show is not known to an owner that has found only old records.
        is_back = event_time.is_current(steady_s, wall_s) if self._found_old else (
            event_time.has_delivered_after(self._back_at_s)
        )
        if is_back or steady_s - self._saw_again_s >= RETURN_S:
            self._back_at_s, self._found_old = None, False
            self._learn_from_s = steady_s + HOLD_S
        return self._back_at_s is None


def _whole_windows_s(shard: Shard, until_s: float) -> float:
    """The end of the last window that ends by then."""
    size_s = shard.plan.windows.size_s
    return floor(until_s / size_s + 1e-9) * size_s


def _closes_any(shard: Shard, until_s: float) -> bool:
    return _whole_windows_s(shard, until_s) > shard.windower.closed_s

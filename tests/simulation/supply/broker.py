"""A simulated broker: partitions with holes, transactions with fencing, a group with sessions. One step is atomic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from actions.model import Intent, Outcome

TopicShard = tuple[str, int]
"""A topic and the number of one of its partitions."""


class Unavailable(Exception):  # noqa: N818
    """No answer. What was asked may have been done."""


class Fenced(Exception):  # noqa: N818
    """A newer producer of the same shard was started."""


@dataclass(frozen=True, slots=True)
class Written:
    """A record to be appended."""

    topic: str
    number: int
    value: object


@dataclass(slots=True)
class Partition:
    """entries: by offset; None is a hole, as the marker of a transaction leaves."""

    entries: list[object | None] = field(default_factory=list)

    @property
    def end(self) -> int:
        return len(self.entries)

    def append(self, value: object) -> int:
        self.entries.append(value)
        return len(self.entries) - 1

    def read(self, position: int, limit: int) -> tuple[list[tuple[int, object]], int]:
        """Records from a position on, and the position after them; holes are passed."""
        found: list[tuple[int, object]] = []
        while position < len(self.entries) and len(found) < limit:
            value = self.entries[position]
            if value is not None:
                found.append((position, value))
            position += 1
        return found, position


@dataclass(slots=True)
class Member:
    """A member of the group. joined: of the rebalance under way. generation: that it was told of."""

    heard_s: float
    joined: bool = False


class Broker:
    """The log, the producers of the shards, and the group. shards: number of partitions of each input.

    While `up` is False nobody reaches it. `ambiguous`: the next transaction is committed but not answered; `aborting`:
    the next one is aborted.
    """

    def __init__(self, shards: int, session_s: float) -> None:
        self.shards = shards
        self.up = True
        self.partitions: dict[TopicShard, Partition] = {}
        self.committed: dict[TopicShard, int] = {}
        self.group = Group(shards, session_s)
        self.ledger: dict[str, Claim] = {}
        self.ambiguous = 0
        self.aborting = 0
        self._epochs: dict[int, int] = {}

    def partition(self, topic: str, number: int) -> Partition:
        found = self.partitions.get((topic, number))
        if found is None:
            found = self.partitions[topic, number] = Partition()
        return found

    def start_producer(self, shard: int) -> int:
        """The epoch of a new producer; those before it are fenced."""
        self._epochs[shard] = self._epochs.get(shard, 0) + 1
        return self._epochs[shard]

    def transact(self, shard: int, epoch: int, writes: Sequence[Written]) -> list[int]:
        """Commit all or nothing; returns the offsets."""
        if self._epochs.get(shard) != epoch:
            raise Fenced(f"epoch {epoch} of shard {shard}, now {self._epochs.get(shard)}")
        if self.aborting:
            self.aborting -= 1
            self._mark(writes)
            raise Unavailable("aborted")
        offsets = self.append(writes)
        self._mark(writes)
        if self.ambiguous:
            self.ambiguous -= 1
            raise Unavailable("committed, but not answered")
        return offsets

    def append(self, writes: Iterable[Written]) -> list[int]:
        """As a plain producer does."""
        return [self.partition(each.topic, each.number).append(each.value) for each in writes]

    def _mark(self, writes: Sequence[Written]) -> None:
        for topic, number in sorted({(each.topic, each.number) for each in writes}):
            self.partition(topic, number).entries.append(None)


@dataclass(frozen=True, slots=True)
class Claim:
    """An intent in the ledger, read from partition `number`, decided by `shard`. outcome: None while it runs."""

    by: tuple[int, int]
    number: int
    shard: int
    intent: Intent
    outcome: Outcome | None = None


class Group:
    """The coordinator. A rebalance begins when a member comes, leaves or is not heard of for a session. It ends when
    all members have joined again, or after a session. Eager: members give up everything before they join."""

    def __init__(self, shards: int, session_s: float) -> None:
        self.session_s = session_s
        self.generation = 0
        self.assignment: Mapping[int, int] = {}
        """Member by shard."""
        self.rebalancing_since_s: float | None = None
        self.members: dict[int, Member] = {}
        self._shards = shards

    def join(self, member: int, now_s: float) -> None:
        """The member owns nothing and wants its part."""
        if member not in self.members or self.rebalancing_since_s is None:
            self._begin(now_s)
        self.members[member] = Member(now_s, joined=True)

    def leave(self, member: int, now_s: float) -> None:
        if self.members.pop(member, None) is not None:
            self._begin(now_s)

    def heartbeat(self, member: int, generation: int, now_s: float) -> bool:
        """Whether the member counts in this generation; if not, it has to join again."""
        known = self.members.get(member)
        if known is None:
            return False
        known.heard_s = now_s
        return generation == self.generation and self.rebalancing_since_s is None

    def pass_time(self, now_s: float) -> None:
        """Remove who was not heard of; end a rebalance."""
        for member in [m for m, known in self.members.items() if now_s - known.heard_s > self.session_s]:
            self.leave(member, now_s)
        since_s = self.rebalancing_since_s
        if since_s is None:
            return
        if now_s - since_s > self.session_s:
            self.members = {m: known for m, known in self.members.items() if known.joined}
        if self.members and all(known.joined for known in self.members.values()):
            self._end(now_s)

    def restart(self, now_s: float) -> None:
        """The broker is back: every member has a whole session again."""
        for known in self.members.values():
            known.heard_s = now_s

    def _begin(self, now_s: float) -> None:
        self.rebalancing_since_s = now_s
        for known in self.members.values():
            known.joined = False

    def _end(self, now_s: float) -> None:
        self.generation += 1
        self.rebalancing_since_s = None
        members = sorted(self.members)
        self.assignment = {shard: members[shard % len(members)] for shard in range(self._shards)}
        for known in self.members.values():
            known.joined, known.heard_s = False, now_s

"""When a worker asks for a rebalance because no member of the group has a partition that it subscribes to. Pure.

Usually the leader of the group notices such partitions: added ones, and topics that a member subscribes to. But a
static member that restarts within its session joins without a rebalance, whatever it subscribes to then, and if it was
the leader, it is not told that it still is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Set as AbstractSet

from faust.types import TP

MAX_REQUESTS = 3
"""How often a rebalance is asked for one partition. Where that does not help, the leader cannot see its topic."""


class Unassigned:
    """The partitions without an owner, as one worker finds them each time it looks."""

    def __init__(self) -> None:
        self._before: AbstractSet[TP] | None = None
        self._requests: Counter[TP] = Counter()

    def observe(self, unassigned: AbstractSet[TP]) -> frozenset[TP]:
        """To be called with what is found in a stable group; returns the partitions to ask a rebalance for, if any.

        At the first look after the start these are all, later those that had no owner the time before either: by then
        the leader has had the time to notice them.
        """
        lasting = unassigned if self._before is None else unassigned & self._before
        self._before = unassigned
        wanted = frozenset(tp for tp in lasting if self._requests[tp] < MAX_REQUESTS)
        self._requests = Counter({tp: count for tp, count in self._requests.items() if tp in unassigned})
        self._requests.update(wanted)
        return wanted

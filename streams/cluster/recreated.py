"""Whether a partition is still the log that a position belongs to. Pure.

A topic that was deleted and made again has the old name and begins at offset 0. The old positions mean nothing there.
A new log that has grown beyond the old position cannot be told from the old one by its offsets.
"""

from __future__ import annotations

from faust.types import TP

CONFIRM_S = 2.0
"""After a change of leader the broker may report an end before records that were read already, for a moment."""


def is_another_log(known_next: int, begin: int, end: int) -> bool:
    """Whether the log that has these bounds now cannot have given out all offsets before `known_next`.

    known_next: the next offset as the stored state knows it. begin: the first offset. end: after the last one. A log
    whose begin has passed `known_next` is the same one: retention deleted records. A broker that lost records of the
    log (unclean leader election) counts as another log as well.
    """
    if not 0 <= begin <= end:
        raise ValueError(f"begin {begin}, end {end}: expected 0 <= begin <= end")
    return end < known_next


class RecreatedTopics:
    """Notices another log while the worker runs: its end stays before what was processed. Memory: a number a partition.

    `end` comes from fetches (`Sight.end`). The client starts a log whose end is before its position from the beginning
    by itself, and those records look like repeated ones.
    """

    def __init__(self) -> None:
        self._since_s: dict[TP, float] = {}

    def observe(self, tp: TP, processed: int, end: int | None, now_s: float) -> bool:
        """Whether the partition has been another log for `CONFIRM_S`. end: None while not known.

        processed: the next offset that the shard expects. now_s: of a clock that never steps.
        """
        if end is None or not is_another_log(processed, 0, end):
            self._since_s.pop(tp, None)
            return False
        return now_s - self._since_s.setdefault(tp, now_s) >= CONFIRM_S

    def forget(self, tps: frozenset[TP]) -> None:
        """Drop partitions that moved to another worker, or that were restored anew."""
        for tp in tps:
            self._since_s.pop(tp, None)

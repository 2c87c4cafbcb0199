"""The player: a recording as live traffic, shifted to a clock of its own and sent at the pace at which it happened."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import orjson

from streams.replay.recordings import NativeRecord, split_topics
from streams.worker.wall_clock import WallClock

Send = Callable[[str, bytes, bytes], Awaitable[None]]
"""Send a record (topic, key, value). It may wait for room in a buffer, not for the broker's answer."""
MIN_SLEEP_S = 0.001


class Time(Protocol):
    """What the player needs of time: the wall clock, and to wait."""

    def __call__(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class LoopTime:
    """The time of the running event loop, in seconds since the epoch."""

    wall: Callable[[], float]

    def __call__(self) -> float:
        return self.wall()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def play(
    records: Iterable[NativeRecord], send: Send, *, clock: WallClock, shift_s: float, time: Time,
    played: Callable[[NativeRecord], None],
) -> int:
    """Play records in order and return how many.

    Each is sent when `clock` reads its `ts` plus `shift_s`, split over the input topics and keyed by service; one that
    is late because a send had to wait is sent at once, so a slow broker delays but never thins the traffic. `played` is
    called with each record, its time shifted, right after it was sent. Errors of `send` end it.
    """
    count = 0
    for record in records:
        shifted = record.copy()
        shifted["ts"] = record["ts"] + shift_s
        wait_s = clock.wall(shifted["ts"]) - time()
        if wait_s > MIN_SLEEP_S:
            await time.sleep(wait_s)
        key = shifted["service"].encode()
        for topic, part in split_topics(shifted):
            await send(topic, key, orjson.dumps(part))
        played(shifted)
        count += 1
    return count

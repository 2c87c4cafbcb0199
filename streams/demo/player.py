"""The player: sends a recording as live traffic, shifted to the clock of the demo and at the recorded pace."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import orjson

from streams.replay.recordings import RecordedRequest, split_topics
from streams.worker.wall_clock import WallClock

Send = Callable[[str, bytes, bytes], Awaitable[None]]
"""Send a record (topic, key, value). It may wait for room in a buffer, but not for the answer of the broker."""
MIN_SLEEP_S = 0.001


class Time(Protocol):
    """The wall clock, and a way to wait."""

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
    records: Iterable[RecordedRequest], send: Send, *, clock: WallClock, shift_s: float, time: Time,
    on_sent: Callable[[RecordedRequest], None],
) -> int:
    """Play records in order and return how many.

    Each is sent when `clock` reads its `ts` plus `shift_s`, split over the input topics and keyed by service. A
    record that is late because a send had to wait is sent at once, so a slow broker delays records but drops none.
    `on_sent` is called with each record, its time shifted, right after it was sent. Errors of `send` end the play.
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
        on_sent(shifted)
        count += 1
    return count

"""Load in real time: each request is sent when the clock reaches its time stamp. The delay of each is kept.

A history may come first: requests of the time before the start, sent as fast as they can be made, until the stream has
caught up with the clock.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from benchmarks.broker.load import keyed
from benchmarks.broker.rig import Feeder
from streams.replay.recordings import RecordedRequest

TICK_S = 0.005
BREATH = 500
"""Records sent before others may run."""


Change = Callable[[RecordedRequest], RecordedRequest | None]
"""What becomes of a request; None leaves it out."""


class Stream:
    """One stream of requests, in order of time.

    late_s: by how much the oldest request of each tick came after its time stamp, once the stream had caught up.
    """

    def __init__(
        self, feeder: Feeder, requests: Iterable[RecordedRequest], change: Change = lambda request: request,
    ) -> None:
        self._feeder = feeder
        self._requests = iter(requests)
        self._change = change
        self._caught_up = asyncio.Event()
        self.late_s: list[float] = []

    async def caught_up(self) -> None:
        """Wait until the history is sent."""
        await self._caught_up.wait()

    async def run(self, until_s: float) -> None:
        """Send everything up to this time of the clock."""
        request = next(self._requests)
        while request["ts"] < until_s:
            now_s = time.time()
            if request["ts"] > now_s:
                self._caught_up.set()
                self._feeder.poll()
                await asyncio.sleep(TICK_S)
                continue
            if self._caught_up.is_set():
                self.late_s.append(now_s - request["ts"])
            for _ in range(BREATH):
                changed = self._change(request)
                if changed is not None:
                    self._feeder.send(*keyed(changed))
                request = next(self._requests)
                if request["ts"] > now_s:
                    break
            await asyncio.sleep(0)
        self._feeder.poll()

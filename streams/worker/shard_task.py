"""Work for one shard in a task of its own: never twice at the same time, and who starts it need not wait for its end.

What waits for a broker runs here, so that a shard whose broker hangs keeps no other shard waiting for long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from math import inf
from typing import Any

CANCEL_S = 1.0
"""How long work may take to end once it is cancelled: it aborts its transaction."""


class ShardTask:
    """One kind of work of one shard. To be used from one event loop."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self._began_s = 0.0

    @property
    def is_running(self) -> bool:
        """Whether work was started that has not ended."""
        return self._task is not None and not self._task.done()

    def start(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Start the work, unless the work before still runs. Raises what the work before raised."""
        if self.is_running:
            return
        self._raise()
        self._task, self._began_s = asyncio.ensure_future(work()), asyncio.get_running_loop().time()

    async def wait(self, limit_s: float = inf) -> None:
        """Wait for the end of the work, until it has run for `limit_s`; it runs on for a moment at least.

        Raises what the work raised. When the caller is cancelled, the work goes on.
        """
        if self._task is not None and not self._task.done():
            left_s = max(0.0, self._began_s + limit_s - asyncio.get_running_loop().time())
            await asyncio.wait([self._task], timeout=None if left_s == inf else left_s)
        self._raise()

    def cancel(self) -> asyncio.Task[None] | None:
        """Cancel the work; returns what ends then. None where nothing runs, or where the work itself is the caller."""
        task = self._task
        if task is None or task.done() or task is asyncio.current_task():
            return None
        task.cancel()
        return task

    def _raise(self) -> None:
        if self._task is not None and self._task.done() and not self._task.cancelled():
            self._task.result()


async def cancel(*tasks: ShardTask) -> None:
    """Cancel work and wait for its end, for at most `CANCEL_S`. One of the tasks may be the caller's own."""
    ending = [task for each in tasks if (task := each.cancel()) is not None]
    if ending:
        await asyncio.wait(ending, timeout=CANCEL_S)

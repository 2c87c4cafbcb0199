"""Server-sent events for the page: what changed since the revision that a viewer has, in its present state.

The id of an event names this process and a revision, so a viewer that comes back with `Last-Event-ID` gets each subject
that changed meanwhile once. A viewer that does not keep up gets fewer, larger events and costs no memory. One that
comes with the id of another process, or of a revision that is too old, gets `reset` and reads everything again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import orjson

from streams.page.now_view import changes_view
from streams.page.state import PageState

MAX_VIEWERS = 200
GATHER_S = 0.2
"""Changes of so long are sent together."""
KEEP_ALIVE_S = 10.0


class TooManyViewers(RuntimeError):  # noqa: N818
    """As many watch as may."""


class Feed:
    """process_id: of this process, the same as long as it runs. status: what goes with each event."""

    def __init__(self, state: PageState, process_id: str, status: Callable[[], dict[str, Any]]) -> None:
        self._state = state
        self._process_id = process_id
        self._status = status
        self._viewers: set[asyncio.Event] = set()
        self._made_for: tuple[int | None, int, int] | None = None
        self._made = b""

    @property
    def position(self) -> str:
        """The id of the last event."""
        return f"{self._process_id}.{self._state.changes.revision}"

    def wake(self) -> None:
        """Something changed."""
        for viewer in self._viewers:
            viewer.set()

    async def events(self, last_id: str) -> AsyncIterator[bytes]:
        """The events after an id, as bytes to be sent, until the viewer leaves. Raises `TooManyViewers`."""
        if len(self._viewers) >= MAX_VIEWERS:
            raise TooManyViewers(f"{MAX_VIEWERS} viewers watch")
        woken = asyncio.Event()
        woken.set()
        self._viewers.add(woken)
        try:
            revision = self._revision(last_id)
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(KEEP_ALIVE_S):
                        await woken.wait()
                woken.clear()
                known, revision = revision, self._state.changes.revision
                yield self._changes_since(known)
                await asyncio.sleep(GATHER_S)
        finally:
            self._viewers.discard(woken)

    def _changes_since(self, revision: int | None) -> bytes:
        """The event for a viewer that knows a revision; for those that know the same it is made once a second."""
        key = revision, self._state.changes.revision, int(self._status()["now_s"])
        if key == self._made_for:
            return self._made
        subjects = None if revision is None else self._state.changes.since(revision)
        if subjects is None:
            return self._event("reset", {})
        self._made_for, self._made = key, self._event("changes", changes_view(self._state, subjects))
        return self._made

    def _revision(self, last_id: str) -> int | None:
        process_id, _, revision = last_id.rpartition(".")
        return int(revision) if process_id == self._process_id and revision.isdecimal() else None

    def _event(self, name: str, value: dict[str, Any]) -> bytes:
        data = orjson.dumps({**value, **self._status()})
        return b"event: %s\nid: %s\ndata: %s\n\n" % (name.encode(), self.position.encode(), data)

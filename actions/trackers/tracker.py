"""Hands tasks to a tracker, each once: it is looked up by its id before it is made.

Crash, repeat: what was made before is found. Two that hand over the same task within the same second can make two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from actions.channels.message import ChannelRefused
from actions.trackers.kinds import PER_PAGE, Row, Task, body_of, created_at, is_it, lookup, place_of, rows_of
from actions.trackers.params import TrackerParams

if TYPE_CHECKING:
    import aiohttp

MAX_PAGES = 50


@dataclass(frozen=True, slots=True)
class Handed:
    """Where a task is. is_new: whether it was made now."""

    place: str
    is_new: bool


class Tracker:
    """See the module. The caller closes the session."""

    def __init__(self, params: TrackerParams, session: aiohttp.ClientSession) -> None:
        self._params = params
        self._http = params.http(session)

    async def hand_over(self, task: Task) -> Handed:
        """Find the task, or make it. Raises `ChannelRefused`."""
        kind = self._params.kind
        try:
            known = await self._find(task)
            if known is not None:
                return Handed(place_of(self._params, known), False)
            answer = await self._http.call(
                "POST", created_at(self._params), body=body_of(task, kind, self._params.project),
            )
            made = answer.get("result") if kind == "servicenow" and isinstance(answer, dict) else answer
            return Handed(place_of(self._params, made if isinstance(made, dict) else {}), True)
        except ValueError as error:
            raise ChannelRefused(str(error), final=True) from error

    async def _find(self, task: Task) -> Row | None:
        kind = self._params.kind
        for page in range(1, MAX_PAGES + 1):
            url, query = lookup(self._params, task, page)
            rows = rows_of(kind, await self._http.call("GET", url, query=query))
            found = next((one for one in rows if is_it(kind, one, task)), None)
            if found is not None or kind != "github" or len(rows) < PER_PAGE:
                return found
        raise ValueError(f"{kind}: over {MAX_PAGES * PER_PAGE} issues with the label, so a repeat cannot be told")

"""Invalidate a cache in Redis by its version: readers whose keys hold the version find a new, empty space at once.

The key of the version is set to one more; the undo sets it back, so that the old entries count again, as far as they
have not expired. Beside it a note says for which incident, so that the undo needs no memory of its own. If somebody
else has changed the version meanwhile, the undo is refused. Both keys change in one transaction.

Crash: a key runs once. Duplicate: a second run finds its own note.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from actions.base import Bounds, Done, Reading, Refusal, RunContext, TargetError
from actions.kinds.data.redis_target import RedisServer, connected
from actions.kinds.extras import optional
from actions.kinds.http import JsonValue
from actions.model import Intent
from actions.playbooks.playbook import TARGET_FIELDS, check_template, render

if TYPE_CHECKING:
    import aiohttp


@dataclass(frozen=True, slots=True)
class CacheVersionParams:
    """server: where. name: template of the key that holds the version, a whole number. Raises `ValueError`."""

    server: RedisServer
    name: str
    bounds: Bounds = field(default_factory=Bounds)

    def __post_init__(self) -> None:
        check_template("CacheVersionParams.name", self.name, TARGET_FIELDS)

    def build(self, _session: aiohttp.ClientSession) -> CacheVersion:
        """The action. Raises `UnusableAction` without the extra `redis`."""
        return CacheVersion(self)


class CacheVersion:
    """See the module."""

    kind = "cache_version"
    reversible = True
    holds = True

    def __init__(self, params: CacheVersionParams) -> None:
        self._library = optional("redis.asyncio", extra="redis", kind=self.kind)
        self._params = params
        self.bounds = params.bounds

    async def run(self, intent: Intent, ctx: RunContext) -> Done:
        """Change version and note in one transaction. Raises `TargetError`, retryable where somebody else was faster,
        and `Refusal` if the version is not the one that the decision assumed.
        """
        name = self._name(intent)
        async with connected(self._library, self._params.server) as redis, redis.pipeline(transaction=True) as pipe:
            await pipe.watch(name, _note_name(name))
            current, note = await _state(pipe, name)
            if not intent.undo and note.get("key") == intent.key:
                return Done(f"{name} is {current}, set by this key before", {"version": current})
            if intent.undo and not note:
                return Done(f"{name} is {current} and was not changed, so there is nothing to undo")
            wanted = _before(name, current, note, intent) if intent.undo else _after(name, current, note)
            detail = f"{name} set from {current} to {wanted}"
            if ctx.dry_run:
                return Done(f"would be: {detail}", {"version": wanted})
            text = json.dumps({"key": intent.key, "incident": intent.incident_id, "before": current, "to": wanted})
            pipe.multi()
            pipe.set(name, wanted)
            if intent.undo:
                pipe.delete(_note_name(name))
            else:
                pipe.set(_note_name(name), text)
            await pipe.execute()
        return Done(detail, {"version": wanted})

    async def read_back(self, intent: Intent) -> Reading:
        """Whether the version is the one that this incident set. Raises `TargetError`."""
        name = self._name(intent)
        async with connected(self._library, self._params.server) as redis:
            current, note = await _state(redis, name)
        applied = note.get("incident") == intent.incident_id and note.get("to") == current
        return Reading(applied, f"{name} is {current}")

    def _name(self, intent: Intent) -> str:
        found = render(self._params.name, {name: getattr(intent, name) for name in TARGET_FIELDS})
        if found is None:
            message = f"cache_version of {intent.target}: the intent lacks a value for {self._params.name}"
            raise TargetError(message, retryable=False)
        return found


async def _state(redis: Any, name: str) -> tuple[int, dict[str, JsonValue]]:
    version, text = await redis.get(name), await redis.get(_note_name(name))
    if version is None or not str(version).isdecimal():
        raise TargetError(f"{name} is {version!r}, expected a whole number", retryable=False)
    note = json.loads(text) if text else {}
    return int(version), note if isinstance(note, dict) else {}


def _after(name: str, current: int, note: dict[str, JsonValue]) -> int:
    if note:
        raise Refusal(f"{name} was changed for incident {note.get('incident')}, expected one incident at a time")
    return current + 1


def _before(name: str, current: int, note: dict[str, JsonValue], intent: Intent) -> int:
    if note.get("incident") != intent.incident_id:
        raise Refusal(f"{name} was changed for incident {note.get('incident')}, not for {intent.incident_id}")
    before = note.get("before")
    if note.get("to") != current or not isinstance(before, int):
        raise Refusal(f"{name} is {current}, not {note.get('to')}: somebody else changed it, so it stays as it is")
    return before


def _note_name(name: str) -> str:
    # The braces put both keys into one slot of a Redis cluster, unless the name has its own.
    return f"tocsin:{name}" if "{" in name else f"tocsin:{{{name}}}"

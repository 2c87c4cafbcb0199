"""Delete the entries of a context cache in Redis: all keys of a prefix, found by SCAN and removed by UNLINK.

There is no undo: what was deleted is computed again when it is needed. If more keys match than `max_keys`, nothing is
deleted: a cold cache costs load, so a larger one is for a person to empty.

Crash: a key runs once; what was deleted by then stays deleted. Duplicate: deleting what is gone changes nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from actions.base import Bounds, Done, Reading, Refusal, RunContext, TargetError
from actions.kinds.data.redis_target import RedisServer, connected
from actions.kinds.extras import optional
from actions.model import Intent
from actions.playbooks.playbook import TARGET_FIELDS, check_template, render
from actions.validation import check_number

if TYPE_CHECKING:
    import aiohttp

BATCH = 500


@dataclass(frozen=True, slots=True)
class CacheInvalidateParams:
    """server: where. prefix: template of the beginning of the keys, with text before the first placeholder. max_keys:
    the most that one run may delete, 1 to 1,000,000. Raises `ValueError`.
    """

    server: RedisServer
    prefix: str
    max_keys: int = 100_000
    bounds: Bounds = field(default_factory=lambda: Bounds(timeout_s=60.0))

    def __post_init__(self) -> None:
        check_template("CacheInvalidateParams.prefix", self.prefix, TARGET_FIELDS)
        if self.prefix.startswith("{"):
            raise ValueError(f"CacheInvalidateParams.prefix: {self.prefix!r}, expected to begin with a fixed text")
        check_number(self, "max_keys", 1, 1_000_000)

    def build(self, _session: aiohttp.ClientSession) -> CacheInvalidate:
        """The action. Raises `UnusableAction` without the extra `redis`."""
        return CacheInvalidate(self)


class CacheInvalidate:
    """See the module."""

    kind = "cache_invalidate"
    reversible = False
    holds = False

    def __init__(self, params: CacheInvalidateParams) -> None:
        self._library = optional("redis.asyncio", extra="redis", kind=self.kind)
        self._params = params
        self.bounds = params.bounds

    async def run(self, intent: Intent, ctx: RunContext) -> Done:
        """Find, then delete. Raises `TargetError`, and `Refusal` for more than `max_keys`."""
        prefix = self._prefix(intent)
        async with connected(self._library, self._params.server) as redis:
            names = await self._names(redis, prefix)
            if ctx.dry_run:
                return Done(f"would delete {len(names)} keys of {prefix}", {"keys": len(names)})
            deleted = 0
            for start in range(0, len(names), BATCH):
                deleted += await redis.unlink(*names[start:start + BATCH])
        return Done(f"{deleted} keys of {prefix} deleted", {"keys": deleted})

    async def read_back(self, intent: Intent) -> Reading:
        """Unknown: the cache fills again at once. The detail says how many keys it has."""
        prefix = self._prefix(intent)
        async with connected(self._library, self._params.server) as redis:
            try:
                found = str(len(await self._names(redis, prefix)))
            except Refusal:
                found = f"more than {self._params.max_keys}"
        return Reading(None, f"{found} keys begin with {prefix}")

    def _prefix(self, intent: Intent) -> str:
        found = render(self._params.prefix, {name: getattr(intent, name) for name in TARGET_FIELDS})
        if found is None:
            message = f"cache_invalidate of {intent.target}: the intent lacks a value for {self._params.prefix}"
            raise TargetError(message, retryable=False)
        return found

    async def _names(self, redis: Any, prefix: str) -> list[str]:
        pattern = re.sub(r"([*?\[\]\\^-])", r"\\\1", prefix) + "*"
        names: set[str] = set()
        async for name in redis.scan_iter(match=pattern, count=BATCH):
            names.add(name)
            if len(names) > self._params.max_keys:
                raise Refusal(f"more than {self._params.max_keys} keys begin with {prefix}, expected at most that many")
        return sorted(names)

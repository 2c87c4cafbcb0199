"""A real Redis server in place of a simulated one, and what can go wrong with it in place of an HTTP status."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from actions.base import Action
from actions.kinds.data.cache_invalidate import CacheInvalidate, CacheInvalidateParams
from actions.kinds.data.cache_version import CacheVersion, CacheVersionParams
from actions.kinds.data.redis_target import RedisServer
from actions.model import Intent
from tests.actions.cases import INTENT
from tests.actions.redis_server import RedisProcess, redis_server

WRITES = ("cmdstat_unlink", "cmdstat_del", "cmdstat_set")


class RedisSimulator:
    """403: the user may do nothing. 429, 503: the server is gone. No answer: the server is paused."""

    kind = ""

    def __init__(self, redis: RedisProcess) -> None:
        self.redis = redis
        redis.client.mset({"ctx:chat:version": 7, "ctx:chat:a": "1", "ctx:chat:b": "2", "ctx:other:a": "3"})
        redis.client.config_resetstat()
        self.action: Action = self.build(RedisServer(redis.url, timeout_s=1.0))

    def build(self, server: RedisServer) -> Action:
        raise NotImplementedError

    def intent(self) -> Intent:
        return replace(INTENT, kind=self.kind)

    def unknown(self) -> Intent:
        return replace(self.intent(), target="chat/nobody", service="nobody", model=None)

    def answer(self, status: int | None) -> None:
        if status is None:
            self.redis.client.client_pause(60_000)
        elif status == 403:
            self.redis.client.acl_setuser("default", enabled=True, commands=["-@all"])
        else:
            self.redis.stop()

    def state(self) -> object:
        return {name: self.redis.client.get(name) for name in sorted(self.redis.client.keys("*"))}

    def writes(self) -> int:
        found = self.redis.client.info("commandstats")
        return sum(found[name]["calls"] for name in WRITES if name in found)


class CacheInvalidateSimulator(RedisSimulator):
    kind = "cache_invalidate"

    def build(self, server: RedisServer) -> Action:
        return CacheInvalidate(CacheInvalidateParams(server, "ctx:{service}:"))

    def unknown(self) -> Intent:
        return replace(self.intent(), target="nobody", service=None)  # type: ignore[arg-type]  # a label is missing


class CacheVersionSimulator(RedisSimulator):
    kind = "cache_version"

    def build(self, server: RedisServer) -> Action:
        return CacheVersion(CacheVersionParams(server, "ctx:{service}:version"))


@asynccontextmanager
async def cache(kind: type[RedisSimulator]) -> AsyncIterator[RedisSimulator]:
    """A fresh server with entries of two services."""
    with redis_server() as redis:
        yield kind(redis)

"""Caches in a real Redis: what is deleted, what is refused, and what a password needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from actions.base import Refusal, RunContext, Secret, TargetError
from actions.kinds.data.cache_invalidate import CacheInvalidate, CacheInvalidateParams
from actions.kinds.data.cache_version import CacheVersionParams
from actions.kinds.data.redis_target import RedisServer
from tests.actions.cases import INTENT
from tests.actions.redis_server import ADMIN, RedisProcess, redis_server
from tests.actions.simulators.redis_cache import CacheVersionSimulator

LIVE = RunContext()


@pytest.fixture
def redis() -> Iterator[RedisProcess]:
    with redis_server() as server:
        yield server


def invalidate(redis: RedisProcess, **changes: object) -> CacheInvalidate:
    params = CacheInvalidateParams(RedisServer(redis.url), "ctx:{service}:")
    return CacheInvalidate(replace(params, **changes))  # type: ignore[arg-type]  # a test names its fields itself


async def test_only_keys_of_the_prefix_are_deleted_however_many_batches_it_takes(redis: RedisProcess) -> None:
    redis.client.mset({f"ctx:chat:{number}": "x" for number in range(1_234)})
    redis.client.mset({"ctx:chat2:a": "x", "xctx:chat:a": "x"})
    done = await invalidate(redis).run(INTENT, LIVE)
    assert done.data["keys"] == 1_234
    assert sorted(redis.client.keys("*")) == ["ctx:chat2:a", "xctx:chat:a"]


async def test_label_with_wildcards_deletes_nothing_else(redis: RedisProcess) -> None:
    redis.client.mset({"ctx:chat:a": "x", "ctx:*:a": "x", "ctx:[a-z]:a": "x"})
    for service in ("*", "[a-z]"):
        assert (await invalidate(redis).run(replace(INTENT, service=service), LIVE)).data["keys"] == 1
    assert redis.client.keys("*") == ["ctx:chat:a"]


async def test_more_keys_than_the_cap_are_refused_and_kept(redis: RedisProcess) -> None:
    redis.client.mset({f"ctx:chat:{number}": "x" for number in range(11)})
    with pytest.raises(Refusal, match="more than 10 keys begin with ctx:chat:"):
        await invalidate(redis, max_keys=10).run(INTENT, LIVE)
    assert redis.client.dbsize() == 11
    assert "more than 10" in (await invalidate(redis, max_keys=10).read_back(INTENT)).detail


async def test_wrong_password_is_not_retried_nor_shown(redis: RedisProcess) -> None:
    server = RedisServer(redis.url, ADMIN[0], Secret("wrong-password"))
    with pytest.raises(TargetError, match="AuthenticationError") as caught:
        await invalidate(redis, server=server).run(INTENT, LIVE)
    assert not caught.value.retryable
    assert "wrong-password" not in str(caught.value)
    await invalidate(redis, server=RedisServer(redis.url, ADMIN[0], Secret(ADMIN[1]))).run(INTENT, LIVE)


async def test_version_that_somebody_else_changed_stays(redis: RedisProcess) -> None:
    simulator = CacheVersionSimulator(redis)
    await simulator.action.run(simulator.intent(), LIVE)
    assert redis.client.get("ctx:chat:version") == "8"
    redis.client.set("ctx:chat:version", 12)
    assert (await simulator.action.read_back(simulator.intent())).applied is False
    with pytest.raises(Refusal, match="is 12, not 8: somebody else changed it"):
        await simulator.action.run(replace(simulator.intent(), key="u", undo=True), LIVE)


async def test_one_incident_at_a_time_changes_a_version(redis: RedisProcess) -> None:
    simulator = CacheVersionSimulator(redis)
    await simulator.action.run(simulator.intent(), LIVE)
    other = replace(simulator.intent(), key="k2", incident_id="i2")
    for intent in (other, replace(other, undo=True)):
        with pytest.raises(Refusal, match="for incident i1"):
            await simulator.action.run(intent, LIVE)


SERVER = RedisServer("redis://127.0.0.1")


@pytest.mark.parametrize(("make", "word"), [
    (lambda: RedisServer("http://x"), "RedisServer.url: 'http://x'"),
    (lambda: RedisServer("redis://me:pw@x"), "a URL with credentials for x"),
    (lambda: RedisServer("redis://x", password=Secret("p")), "sends a password in plain text"),
    (lambda: RedisServer("redis://x", timeout_s=0.0), "RedisServer.timeout_s"),
    (lambda: CacheInvalidateParams(SERVER, "{service}:"), "expected to begin with a fixed text"),
    (lambda: CacheInvalidateParams(SERVER, "ctx:", 0), "CacheInvalidateParams.max_keys"),
    (lambda: CacheVersionParams(SERVER, "{host}"), "CacheVersionParams.name"),
])
def test_params_out_of_range_are_named(make: Callable[[], object], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        make()

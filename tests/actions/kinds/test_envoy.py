"""A breaker and a share of traffic at a real Envoy, by its runtime."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import aiohttp
import pytest

from actions.base import RunContext
from actions.kinds.gateway.circuit_breaker import CircuitBreakerParams
from actions.kinds.gateway.traffic import TrafficParams
from tests.actions.cases import INTENT
from tests.actions.envoy_server import Envoy, envoy_server

LIVE = RunContext()
FIELD = "/entries/tocsin.fallback/final_value"


@pytest.fixture(scope="module")
def envoy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Envoy]:
    with envoy_server(tmp_path_factory.mktemp("envoy")) as server:
        yield server


async def answers(envoy: Envoy, session: aiohttp.ClientSession, requests: int) -> Counter[str]:
    found: Counter[str] = Counter()
    for _ in range(requests):
        async with session.get(envoy.url) as response:
            found[await response.text()] += 1
    return found


async def test_open_breaker_sends_all_requests_to_the_fallback_route_until_it_is_closed(envoy: Envoy) -> None:
    url = f"{envoy.admin}/runtime_modify?tocsin.fallback={{state}}"
    params = CircuitBreakerParams(
        url, "POST", open_value="100", closed_value="0", verify_url=f"{envoy.admin}/runtime", verify_field=FIELD,
    )
    async with aiohttp.ClientSession() as session:
        breaker = params.build(session)
        assert (await breaker.read_back(INTENT)).applied is False
        assert await answers(envoy, session, 20) == {"primary": 20}
        assert (await breaker.run(INTENT, LIVE)).data["verified"] is True
        assert (await breaker.read_back(INTENT)).applied is True
        assert await answers(envoy, session, 20) == {"fallback": 20}
        await breaker.run(replace(INTENT, undo=True), LIVE)
        assert (await breaker.read_back(INTENT)).applied is False
        assert await answers(envoy, session, 20) == {"primary": 20}


async def test_share_of_the_traffic_moves_and_comes_back(envoy: Envoy) -> None:
    url = f"{envoy.admin}/runtime_modify?tocsin.fallback={{state}}"
    params = TrafficParams(
        url, 0.4, normal=0.0, method="POST", verify_url=f"{envoy.admin}/runtime", verify_field=FIELD, percent=True,
    )
    async with aiohttp.ClientSession() as session:
        traffic = params.build(session)
        await traffic.run(replace(INTENT, kind="traffic"), LIVE)
        # Of 400 requests 160 are expected; 6 standard deviations are 59.
        assert 100 < (await answers(envoy, session, 400))["fallback"] < 220
        assert (await traffic.read_back(INTENT)).applied is True
        await traffic.run(replace(INTENT, kind="traffic", undo=True), LIVE)
        assert await answers(envoy, session, 20) == {"primary": 20}

"""What the HTTP actions send, and what they never show."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import aiohttp
import pytest
from pytest_httpserver import HTTPServer

from actions.base import RunContext, Secret, TargetError
from actions.kinds.gateway.circuit_breaker import CircuitBreakerParams
from actions.kinds.gateway.throttle import ThrottleParams
from actions.kinds.http import Access
from actions.kinds.models.rollback import RollbackParams
from actions.kinds.webhooks.notify import NotifyParams
from tests.actions.cases import INTENT

LIVE = RunContext()
SECRET = Secret("hunter2")


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_breaker_sends_state_scope_key_and_secret(session: aiohttp.ClientSession, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/routes/chat/r0").respond_with_data("")
    access = Access(secret=SECRET)
    await CircuitBreakerParams(httpserver.url_for("/routes/{service}/{replica}"), access=access).build(session).run(
        INTENT, LIVE,
    )
    (request, _), = httpserver.log
    assert request.method == "PUT"
    assert request.headers["Idempotency-Key"] == "k1"
    assert request.headers["Authorization"] == "Bearer hunter2"
    body = request.get_json()
    assert (body["state"], body["target"], body["replica"], body["incident_id"]) == ("open", "chat/r0", "r0", "i1")


async def test_breaker_speaks_envoys_runtime(session: aiohttp.ClientSession, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/runtime_modify", method="POST").respond_with_data("OK\n")
    url = httpserver.url_for("/runtime_modify") + "?tocsin.fallback={state}"
    breaker = CircuitBreakerParams(url, "POST", open_value="100", closed_value="0").build(session)
    await breaker.run(INTENT, LIVE)
    await breaker.run(replace(INTENT, undo=True), LIVE)
    assert [request.args["tocsin.fallback"] for request, _ in httpserver.log] == ["100", "0"]


async def test_half_open_breaker_sends_its_state_with_the_share_and_without_one_is_not_offered(
    session: aiohttp.ClientSession, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/set").respond_with_data("")
    params = CircuitBreakerParams(httpserver.url_for("/set"), half_open_value="probing")
    assert params.build(session).probes
    assert not replace(params, half_open_value=None).build(session).probes
    probe = replace(INTENT, params={"breaker": "half_open", "share": 0.05, "max_per_s": 20.0})
    await params.build(session).run(probe, LIVE)
    await params.build(session).run(replace(probe, undo=True), LIVE)
    bodies = [request.get_json() for request, _ in httpserver.log]
    assert [(body["state"], body.get("share")) for body in bodies] == [("probing", 0.05), ("closed", None)]
    with pytest.raises(ValueError, match="half_open_value: 'open', expected other"):
        replace(params, half_open_value="open")


async def test_breaker_that_reads_back_another_state_failed(
    session: aiohttp.ClientSession, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/set").respond_with_data("")
    httpserver.expect_request("/get").respond_with_json({"state": "closed"})
    params = CircuitBreakerParams(httpserver.url_for("/set"), verify_url=httpserver.url_for("/get"))
    with pytest.raises(TargetError, match="state is 'closed' after setting 'open'") as caught:
        await params.build(session).run(INTENT, LIVE)
    assert caught.value.retryable


async def test_state_that_cannot_be_read_is_unknown(session: aiohttp.ClientSession, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/get").respond_with_json({"other": 1})
    blind = CircuitBreakerParams(httpserver.url_for("/set")).build(session)
    mute = CircuitBreakerParams(httpserver.url_for("/set"), verify_url=httpserver.url_for("/get")).build(session)
    assert [(await action.read_back(INTENT)).applied for action in (blind, mute)] == [None, None]


async def test_throttle_factor_comes_from_the_step_and_is_checked(
    session: aiohttp.ClientSession, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/limit").respond_with_data("")
    throttle = ThrottleParams(httpserver.url_for("/limit")).build(session)
    await throttle.run(replace(INTENT, params={"factor": 0.25}), LIVE)
    await throttle.run(replace(INTENT, undo=True), LIVE)
    assert [request.get_json()["factor"] for request, _ in httpserver.log] == [0.25, 1.0]
    with pytest.raises(TargetError, match="factor 7"):
        await throttle.run(replace(INTENT, params={"factor": 7}), LIVE)


async def test_notice_shows_the_host_of_its_webhook_only(
    session: aiohttp.ClientSession, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/services/T0KEN").respond_with_data("")
    done = await NotifyParams(httpserver.url_for("/services/T0KEN")).build(session).run(INTENT, LIVE)
    assert "T0KEN" not in done.detail
    assert httpserver.log[0][0].get_json()["reason"] == "because"
    with pytest.raises(TargetError) as caught:
        await NotifyParams(httpserver.url_for("/other/T0KEN")).build(session).run(INTENT, LIVE)
    assert "T0KEN" not in str(caught.value)


async def test_secret_that_the_target_echoes_is_not_reported(
    session: aiohttp.ClientSession, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/x").respond_with_data("bad token hunter2", status=401)
    breaker = CircuitBreakerParams(httpserver.url_for("/x"), access=Access(secret=SECRET)).build(session)
    with pytest.raises(TargetError, match=r"answered 401: bad token \*\*\*"):
        await breaker.run(INTENT, LIVE)


async def test_notice_without_a_webhook_is_logged(session: aiohttp.ClientSession) -> None:
    assert (await NotifyParams().build(session).run(INTENT, LIVE)).detail == "logged: chat firing"


async def test_label_cannot_leave_its_place_in_the_path(session: aiohttp.ClientSession, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/routes/a/b?c#d/../x").respond_with_data("")
    breaker = CircuitBreakerParams(httpserver.url_for("/routes/{replica}")).build(session)
    await breaker.run(replace(INTENT, replica="a/b?c#d/../x"), LIVE)
    assert httpserver.log[0][0].environ["RAW_URI"] == "/routes/a%2Fb%3Fc%23d%2F..%2Fx"
    with pytest.raises(TargetError, match="cannot be part of a URL"):
        await breaker.run(replace(INTENT, replica=".."), LIVE)
    with pytest.raises(TargetError, match="lacks "):
        await breaker.run(replace(INTENT, replica=None), LIVE)


async def test_redirect_is_not_followed(session: aiohttp.ClientSession, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("", status=307, headers={"Location": "/elsewhere"})
    with pytest.raises(TargetError, match="answered 307") as caught:
        await NotifyParams(httpserver.url_for("/hook")).build(session).run(INTENT, LIVE)
    assert not caught.value.retryable
    assert len(httpserver.log) == 1


async def test_nobody_listening_is_retryable(session: aiohttp.ClientSession, unused_tcp_port: int) -> None:
    with pytest.raises(TargetError) as caught:
        await NotifyParams(f"http://127.0.0.1:{unused_tcp_port}/").build(session).run(INTENT, LIVE)
    assert caught.value.retryable


def test_secret_shows_nowhere() -> None:
    params = CircuitBreakerParams("https://gateway/x", access=Access(secret=SECRET))
    assert "hunter2" not in f"{params} {params!r} {SECRET} {SECRET!r}"
    assert SECRET.reveal() == "hunter2"


@pytest.mark.parametrize(("make", "word"), [
    (lambda: CircuitBreakerParams("http://gateway/x", access=Access(secret=SECRET)), "plain text"),
    (lambda: CircuitBreakerParams("ftp://gateway/x"), "CircuitBreakerParams.url: 'ftp"),
    (lambda: CircuitBreakerParams("http://{service}/x"), "fixed host"),
    (lambda: CircuitBreakerParams("http://gateway/{host}"), "placeholders among"),
    (lambda: CircuitBreakerParams("http://me:pw@gateway/"), "a URL with credentials for gateway"),
    (lambda: CircuitBreakerParams("http://gateway/", "GET"), "CircuitBreakerParams.method: 'GET'"),
    (lambda: CircuitBreakerParams("http://gateway/", open_value="x", closed_value="x"), "open_value"),
    (lambda: ThrottleParams("http://gateway/", factor=1.0), "ThrottleParams.factor: 1.0"),
    (lambda: RollbackParams("registry"), "RollbackParams.tracking_url"),
    (lambda: RollbackParams("http://registry", model="{host}"), "RollbackParams.model"),
    (lambda: RollbackParams("http://registry", alias=""), "RollbackParams.alias"),
    (lambda: Access(request_timeout_s=0.0), "Access.request_timeout_s"),
])
def test_params_out_of_range_are_named(make: Callable[[], object], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        make()

"""What the query of a URL holds is in no outcome, no refusal and no line of the log, whatever becomes of a request."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from socket import socket

import aiohttp
import pytest
import structlog
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from actions.base import Action, Bounds, RunContext, Secret
from actions.catalogue import ActionParams
from actions.channels.http import ChannelHttp, host_of
from actions.channels.message import ChannelRefused
from actions.http_ok import HttpOk
from actions.kinds.gateway.circuit_breaker import CircuitBreakerParams
from actions.kinds.gateway.throttle import ThrottleParams
from actions.kinds.gateway.token_cap import TokenCapParams
from actions.kinds.gateway.traffic import TrafficParams
from actions.kinds.http import Access, fill_url
from actions.kinds.urls import masked, masked_in
from actions.kinds.webhooks.hook import Call
from actions.kinds.webhooks.notify import NotifyParams
from actions.kinds.webhooks.trigger import TriggerParams
from actions.kinds.webhooks.webhook import Hook, WebhookParams
from actions.model import HTTP_OK
from actions.running import attempt, read
from streams.telemetry.log_format import log_to
from tests.actions.cases import INTENT

SECRET = "hunter2-hunter2"
QUERY = f"?token={SECRET}&state={{state}}"
ONCE = Bounds(timeout_s=5.0, attempts=1)
PARAMS: dict[str, Callable[[str], ActionParams]] = {
    "circuit_breaker": lambda url: CircuitBreakerParams(url + QUERY, verify_url=url + QUERY, bounds=ONCE),
    "throttle": lambda url: ThrottleParams(url=url + QUERY, verify_url=url + QUERY, bounds=ONCE),
    "token_cap": lambda url: TokenCapParams(url + QUERY, 1000.0, 2000.0, verify_url=url + QUERY, bounds=ONCE),
    "traffic": lambda url: TrafficParams(url=url + QUERY, verify_url=url + QUERY, bounds=ONCE),
    "webhook": lambda url: WebhookParams(
        {"a": Hook(Call(f"{url}?{SECRET}"), Call(f"{url}?{SECRET}"), f"{url}?{SECRET}")}, bounds=ONCE,
    ),
    "trigger": lambda url: TriggerParams({"a": Call(f"{url}?code={SECRET}")}, bounds=ONCE),
    "notify": lambda url: NotifyParams(f"{url}/{SECRET}?token={SECRET}", bounds=ONCE),
}


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    monkeypatch.setattr(logging.getLogger("werkzeug"), "disabled", True)  # the target's own log
    handlers, level = logging.root.handlers[:], logging.root.level
    found = io.StringIO()
    log_to(found, "debug")
    yield found
    logging.root.handlers[:], logging.root.level = handlers, level
    logging.captureWarnings(False)
    structlog.reset_defaults()


def _echoes(httpserver: HTTPServer) -> str:
    def echo(request: Request) -> Response:
        return Response(f"no: {request.url} {request.headers}", 500)

    httpserver.expect_request("/hook").respond_with_handler(echo)
    httpserver.expect_request(f"/hook/{SECRET}").respond_with_handler(echo)
    return httpserver.url_for("/hook")


def _disagrees(httpserver: HTTPServer) -> str:
    httpserver.expect_request("/hook").respond_with_data('{"state": "another"}')
    httpserver.expect_request(f"/hook/{SECRET}").respond_with_data("", 403)
    return httpserver.url_for("/hook")


def _is_away(_: HTTPServer) -> str:
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/hook"


def _is_no_url(_: HTTPServer) -> str:
    return "http://127.0.0.1:99999/hook"


TARGETS = {"echoes": _echoes, "disagrees": _disagrees, "is away": _is_away, "is no URL": _is_no_url}


async def _all_said(action: Action) -> list[str]:
    said = []
    for intent in (INTENT, replace(INTENT, undo=True), replace(INTENT, service="")):
        for ctx in (RunContext(), RunContext(dry_run=True)):
            status, detail, data = await attempt(action, intent, ctx)
            said += [status, detail, str(data)]
        said.append((await read(action, intent)).detail)
    return said


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("kind", PARAMS)
async def test_no_outcome_and_no_line_of_the_log_holds_it(
    kind: str, target: str, session: aiohttp.ClientSession, httpserver: HTTPServer, log: io.StringIO,
) -> None:
    said = await _all_said(PARAMS[kind](TARGETS[target](httpserver)).build(session))
    assert "failed" in said or target == "disagrees"
    assert SECRET not in "\n".join([*said, log.getvalue()])


async def test_an_echoed_header_is_hidden_too(session: aiohttp.ClientSession, httpserver: HTTPServer) -> None:
    access = Access(headers={"X-Api-Key": SECRET}, auth_header="X-Other")
    action = CircuitBreakerParams(_echoes(httpserver), access=access, bounds=ONCE).build(session)
    status, detail, _ = await attempt(action, INTENT, RunContext())
    assert (status, SECRET in detail, "answered 500: no:" in detail) == ("failed", False, True)


async def test_a_rehearsal_shows_what_the_placeholders_became(session: aiohttp.ClientSession) -> None:
    action = CircuitBreakerParams("http://127.0.0.1:1/b/{replica}" + QUERY).build(session)
    _, detail, _ = await attempt(action, INTENT, RunContext(dry_run=True))
    assert detail == "would PUT http://127.0.0.1:1/b/r0?token=***&state=open"


def test_a_url_that_cannot_be_filled_is_not_shown() -> None:
    with pytest.raises(Exception, match="the intent on chat/r0 lacks tenant") as caught:
        fill_url(f"https://x/{SECRET}/{{tenant}}", INTENT)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("target", ["echoes", "is away", "is no URL"])
async def test_no_refusal_of_a_channel_holds_it(
    target: str, session: aiohttp.ClientSession, httpserver: HTTPServer,
) -> None:
    url = f"{TARGETS[target](httpserver)}?token={SECRET}"
    channel = ChannelHttp(session, Access(), (host_of(url),))
    with pytest.raises(ChannelRefused) as refused:
        await channel.call("POST", url, body={})
    assert SECRET not in refused.value.reason


@pytest.mark.parametrize("target", TARGETS)
async def test_no_unmet_prerequisite_holds_it(
    target: str, session: aiohttp.ClientSession, httpserver: HTTPServer,
) -> None:
    url = f"{TARGETS[target](httpserver)}?token={SECRET}"
    for hosts in (["127.0.0.1"], ["elsewhere"]):
        intent = replace(INTENT, params={HTTP_OK: url})
        assert SECRET not in str(await HttpOk(session, hosts).unmet(intent))


def test_tracebacks_and_lines_of_libraries_are_masked(log: io.StringIO) -> None:
    own = structlog.get_logger("tocsin.test")
    try:
        raise aiohttp.InvalidURL(f"https://x/hook?token={SECRET}")
    except aiohttp.InvalidURL:
        own.exception("failed", places=[f"https://x?{SECRET}"], more={"url": f"https://ann:{SECRET}@x/"})
        logging.getLogger("library.of.this.test").exception("with url: /hook?token=%s (Caused by ...)", SECRET)
    assert SECRET not in log.getvalue()
    assert log.getvalue().count("token=***") >= 3


@pytest.mark.parametrize(("text", "shown"), [
    ("GET https://x/h?a=1: answered 500", "GET https://x/h?a=***: answered 500"),
    ("'https://x/h?a=1&b={state}', expected", "'https://x/h?a=***&b={state}', expected"),
    ("(https://x/h?1).", "(https://x/h?***)."),
    ("https://ann:pw@x/h and redis://:pw@y", "https://***@x/h and redis://***@y"),
    ("https://x/h#1", "https://x/h#***"),
    ("is r0 slow? yes = maybe, ann@example.com", "is r0 slow? yes = maybe, ann@example.com"),
    ("#ops: 3 > 2?", "#ops: 3 > 2?"),
])
def test_what_is_masked_in_a_text(text: str, shown: str) -> None:
    assert masked_in(text) == shown
    assert masked_in(shown) == shown


def test_masking_takes_time_linear_in_the_text() -> None:
    """Each of these texts would take minutes if a search began anew at each of its places."""
    for part in ("://", "?a", "&a", "?a=", "://a@", "a.", "?a=)", "#"):
        assert masked_in("?" + part * 100_000)
        assert masked(part * 100_000)


@pytest.mark.parametrize(("url", "access", "fault"), [
    (f"ftp://hooks.example/{SECRET}", Access(), ", expected http(s)://host/... with a fixed host"),
    (f"https://hooks.example/{SECRET}/{{", Access(), ", expected balanced braces"),
    (f"https://hooks.example/{SECRET}/{{who}}", Access(), ", expected placeholders among"),
    (f"http://hooks.example/{SECRET}", Access(secret=Secret("s3cret")), " sends a secret in plain text"),
])
def test_a_webhook_that_is_a_secret_is_refused_with_what_was_expected_and_without_it(
    url: str, access: Access, fault: str,
) -> None:
    with pytest.raises(ValueError, match=f"^NotifyParams.url: a URL that is not shown{re.escape(fault)}") as refused:
        NotifyParams(url, access=access)
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None or SECRET not in str(refused.value.__cause__)

"""What a generic webhook sends: templates, signature, refusals, and which hook a step means."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import aiohttp
import pytest
from pytest_httpserver import HTTPServer

from actions.base import Refusal, RunContext, Secret, TargetError
from actions.kinds.http import JsonValue
from actions.kinds.json_template import fill_json, pointed
from actions.kinds.webhooks.hook import Call
from actions.kinds.webhooks.signature import signer
from actions.kinds.webhooks.trigger import TriggerParams
from actions.kinds.webhooks.webhook import Hook, WebhookParams
from tests.actions.cases import INTENT

LIVE = RunContext()
SECRET = Secret("a-secret-of-24-characters")


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def test_template_keeps_the_type_of_a_value_and_never_fills_in_what_came_from_a_value() -> None:
    intent = replace(INTENT, reason="{key}", params={"replicas": 4, "drain": True})
    template = {"n": "{params.replicas}", "drain": "{params.drain}", "why": ["because {reason}"], "none": "{tenant}"}
    assert fill_json(template, intent) == {"n": 4, "drain": True, "why": ["because {key}"], "none": None}
    assert fill_json("{tenant}-{params.other}", intent) == "-"


def test_pointer_reads_objects_lists_and_escaped_names() -> None:
    answer: JsonValue = {"a/b": [{"c~d": 1}], "plain": 2}
    assert [pointed(answer, at) for at in ("/a~1b/0/c~0d", "plain", "/a~1b/7", "/plain/x")] == [1, 2, None, None]


async def test_signature_is_the_one_that_a_receiver_computes(
    session: aiohttp.ClientSession, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/x").respond_with_data("")
    params = TriggerParams({"x": Call(httpserver.url_for("/x"), body={"text": "ü {target}"})}, signing_secret=SECRET)
    await params.build(session).run(INTENT, LIVE)
    request = httpserver.log[0][0]
    stamp = request.headers["webhook-timestamp"]
    signed = f"{request.headers['webhook-id']}.{stamp}.".encode() + request.get_data()
    expected = base64.b64encode(hmac.new(SECRET.reveal().encode(), signed, hashlib.sha256).digest()).decode()
    assert request.headers["webhook-signature"] == f"v1,{expected}"
    assert request.headers["webhook-id"] == INTENT.key
    assert abs(int(stamp) - time.time()) < 60
    assert request.get_json() == {"text": "ü chat/r0"}


def test_signature_covers_the_time_of_the_request() -> None:
    signatures = set()
    for now_s in (1.0, 2.0):
        sign = signer(SECRET, lambda now_s=now_s: now_s)  # type: ignore[misc]
        assert sign is not None
        signatures.add(sign(b"{}", "k")["webhook-signature"])
    assert len(signatures) == 2


@pytest.mark.parametrize("status", [409, 412])
async def test_conflict_is_a_refusal_and_not_a_fault(
    session: aiohttp.ClientSession, httpserver: HTTPServer, status: int
) -> None:
    httpserver.expect_request("/x").respond_with_data("on another version", status=status)
    with pytest.raises(Refusal, match="on another version"):
        await TriggerParams({"x": Call(httpserver.url_for("/x"))}).build(session).run(INTENT, LIVE)


async def test_step_names_one_of_several_hooks(session: aiohttp.ClientSession, httpserver: HTTPServer) -> None:
    for path in ("/warm", "/rebuild"):
        httpserver.expect_request(path).respond_with_data("")
    hooks = {name: Call(httpserver.url_for(f"/{name}")) for name in ("warm", "rebuild")}
    action = TriggerParams(hooks).build(session)
    await action.run(replace(INTENT, params={"hook": "warm"}), LIVE)
    assert [request.path for request, _ in httpserver.log] == ["/warm"]
    for params in ({}, {"hook": "other"}):
        with pytest.raises(TargetError, match="expected one of rebuild, warm"):
            await action.run(replace(INTENT, params=dict(params)), LIVE)


async def test_state_that_did_not_change_is_a_fault_of_the_target(
    session: aiohttp.ClientSession, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/set").respond_with_data("")
    httpserver.expect_request("/get").respond_with_json({"mode": "full"})
    call = Call(httpserver.url_for("/set"))
    hook = Hook(call, call, httpserver.url_for("/get"), "mode", "small")
    action = WebhookParams({"x": hook}).build(session)
    with pytest.raises(TargetError, match="mode is 'full'"):
        await action.run(INTENT, LIVE)
    assert (await action.run(replace(INTENT, undo=True), LIVE)).data["verified"] is True


@pytest.mark.parametrize(("make", "word"), [
    (lambda: TriggerParams({}), "TriggerParams.hooks: none"),
    (lambda: TriggerParams({"x": Call("http://h/", "GET")}), r"TriggerParams.hooks.x.method: 'GET'"),
    (lambda: TriggerParams({"x": Call("http://h/{host}")}), r"TriggerParams.hooks.x.url"),
    (lambda: TriggerParams({"x": Call("http://h/", body={"a": {"b": "{nothing}"}})}), r"hooks.x.body.a.b: {nothing}"),
    (lambda: TriggerParams({"x": Call("http://h/", body={"a": {1, 2}})}), r"hooks.x.body.a: {1, 2}, expected a value"),
    (lambda: TriggerParams({"x": Call("http://h/")}, signing_secret=Secret("short")), "5 characters"),
    (lambda: WebhookParams({}), "WebhookParams.hooks: none"),
])
def test_params_out_of_range_are_named(make: Callable[[], object], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        make()

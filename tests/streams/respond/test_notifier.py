"""Notifications leave by the action `notify`: repeated until they are taken, once for an id, for 15 minutes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from actions.escalation.record import Notify
from streams.respond.notifier import ActionNotifier
from tests.streams.fakes import T, config_of

PAGE = Notify("n1", "page", "inc-1", "primary", 1, "anna", "pager", "P1 by critical", T)


class Hook:
    """A webhook that answers as it is told, once for each request; then 200."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)
        self.got: list[dict[str, Any]] = []

    async def take(self, request: web.Request) -> web.Response:
        self.got.append(await request.json())
        return web.Response(status=self.answers.pop(0) if self.answers else 200)


@asynccontextmanager
async def running(
    folder: Path, hook: Hook | None, now_s: float = T,
) -> AsyncIterator[tuple[ActionNotifier, asyncio.Event]]:
    """A notifier that runs, and what is set each time that something was taken."""
    app, done = web.Application(), asyncio.Event()
    if hook is not None:
        app.router.add_post("/", hook.take)
    async with TestServer(app) as server:
        url = "null" if hook is None else f'"{server.make_url("/")}"'
        config = config_of(folder, f"version: 1\nactions: {{notify: {{url: {url}, bounds: {{attempts: 1}}}}}}\n")
        made = ActionNotifier(config, lambda: now_s, lambda _: "chat", done.set, first_wait_s=0.01)
        task = asyncio.create_task(made.run())
        try:
            yield made, done
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def test_the_webhook_gets_recipient_and_step_and_is_asked_again_until_it_takes_them(tmp_path: Path) -> None:
    hook = Hook(503, 503)
    async with running(tmp_path, hook) as (made, done):
        made.offer(PAGE)
        made.offer(PAGE)
        await done.wait()
        assert set(made.taken([PAGE])) == {"n1"}
        made.offer(PAGE)
    assert [one["key"] for one in hook.got] == ["n1"] * 3
    assert (hook.got[-1]["target"], hook.got[-1]["service"], hook.got[-1]["params"]) == ("anna", "chat", {
        "event": "page", "step": "primary", "round": 1, "recipient": "anna", "channel": "pager",
    })


async def test_after_fifteen_minutes_it_is_given_up(tmp_path: Path) -> None:
    hook = Hook(503, 503)
    async with running(tmp_path, hook, now_s=T + 900.0) as (made, done):
        made.offer(PAGE)
        await done.wait()
        assert (len(hook.got), set(made.taken([PAGE]))) == (1, {"n1"})


async def test_without_a_webhook_it_is_logged_and_taken(tmp_path: Path) -> None:
    async with running(tmp_path, None) as (made, done):
        made.offer(PAGE)
        await done.wait()
        assert set(made.taken([PAGE])) == {"n1"}

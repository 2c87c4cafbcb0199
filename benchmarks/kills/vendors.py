"""Strict vendors that fail: an answer is lost after the message was taken, refused for now, or late.

PagerDuty and ServiceNow are the fakes of the tests, the mail server is aiosmtpd.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy

from aiohttp import web
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from typing_extensions import override

from tests.actions.channels.fakes.pagerduty import FakePagerDuty
from tests.actions.channels.fakes.server import FakeServer
from tests.actions.channels.fakes.servicenow import FakeServiceNow

FAULTS, WEIGHTS = ("none", "slow", "refused", "lost"), (70, 10, 10, 10)
SLOW_S = 1.0
OnCall = Callable[[], Awaitable[None]]
"""Called at the moment of a call, before and after it is taken: it may kill who calls."""


class _Failing(FakeServer):
    """fails: whether it fails at times. refused: what it refused for good, which nobody should send."""

    def __init__(self, seed: int, on_call: OnCall) -> None:
        super().__init__()
        self.fails = True
        self.refused: list[str] = []
        self._rng = random.Random(seed)
        self._on_call = on_call

    @override
    async def _serve(self, request: web.Request) -> web.StreamResponse:
        fault = self._rng.choices(FAULTS, WEIGHTS)[0] if self.fails else "none"
        await self._on_call()
        if fault == "slow":
            await asyncio.sleep(self._rng.uniform(0.0, SLOW_S))
        if fault == "refused":
            return web.json_response({}, status=503)
        answer = await super()._serve(request)
        if 400 <= answer.status < 500:
            self.refused.append(f"{request.method} {request.path}: {answer.status}")
        await self._on_call()
        if fault == "lost" and request.transport is not None:
            request.transport.close()
        return answer


class FailingPagerDuty(_Failing, FakePagerDuty):
    """See the module."""


class FailingServiceNow(_Failing, FakeServiceNow):
    """See the module."""


class Mailbox:
    """message_ids: of all mails that were taken, in order."""

    def __init__(self, seed: int, on_call: OnCall) -> None:
        self.fails = True
        self.message_ids: list[str] = []
        self._rng = random.Random(seed)
        self._on_call = on_call

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        fault = self._rng.choices(FAULTS, WEIGHTS)[0] if self.fails else "none"
        await self._on_call()
        if fault == "refused":
            return "451 try again later"
        content = envelope.content
        assert isinstance(content, bytes)
        self.message_ids.append(str(message_from_bytes(content, policy=policy.default)["Message-ID"]))
        await self._on_call()
        return "451 it was taken, and the answer says otherwise" if fault == "lost" else "250 OK"

    @contextmanager
    def running(self) -> Iterator[str]:
        """Its URL."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        controller = Controller(self, hostname="127.0.0.1", port=port)
        controller.start()
        try:
            yield f"smtp://127.0.0.1:{port}"
        finally:
            controller.stop()

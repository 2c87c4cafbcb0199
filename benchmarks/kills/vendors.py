"""Strict vendors that fail: an answer is lost after the message was taken, refused for now, or late.

PagerDuty, ServiceNow and the mail server (aiosmtpd) are those of the tests.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session
from typing_extensions import override

from tests.actions.channels.fakes.mailbox import Mailbox
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
        try:
            answer = await super()._serve(request)
        except ConnectionResetError:  # the process that called was killed
            return web.Response(status=400)
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


class FailingMailbox(Mailbox):
    """See the module."""

    def __init__(self, seed: int, on_call: OnCall) -> None:
        super().__init__()
        self.fails = True
        self._rng = random.Random(seed)
        self._on_call = on_call

    @property
    def message_ids(self) -> list[str]:
        """Of all mails that were taken, in order."""
        return [str(mail["Message-ID"]) for _, mail in self.mails]

    @override
    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        fault = self._rng.choices(FAULTS, WEIGHTS)[0] if self.fails else "none"
        await self._on_call()
        if fault == "refused":
            return "451 try again later"
        answer = await super().handle_DATA(_server, _session, envelope)
        await self._on_call()
        return "451 it was taken, and the answer says otherwise" if fault == "lost" else answer

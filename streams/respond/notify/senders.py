"""The channels of this process: each sends one message at a time, and no faster than its rate.

A channel that hangs holds back its own messages only. Guarantee on a crash: what was being sent is `sending` in the
log, and the next owner sends it again under the same key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress

import aiohttp
import structlog

from actions.channels.message import Channel, ChannelRefused, Message
from actions.channels.notification import Notification, accepted, refused
from config.channels.sections import ChannelSection

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.notify")

SEND_TIMEOUT_S = 20.0
"""Of one attempt, whatever the channel's own limit."""
Answered = Callable[[Notification], None]


class Senders:
    """Sends by the channels of the configuration. mono_s: monotonic seconds. now_s: the clock of deadlines."""

    def __init__(
        self, sections: Mapping[str, ChannelSection], now_s: Callable[[], float], mono_s: Callable[[], float],
    ) -> None:
        self._sections = sections
        self._now_s = now_s
        self._mono_s = mono_s
        self._channels: dict[str, Channel] = {}
        self._busy: set[str] = set()
        self._free_from_s: dict[str, float] = {}

    async def run(self) -> None:
        """Hold the channels open until cancelled."""
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            self._channels = {name: section.params.build(session) for name, section in self._sections.items()}
            try:
                await asyncio.Event().wait()
            finally:
                channels, self._channels = self._channels, {}
                for channel in channels.values():
                    with suppress(aiohttp.ClientError, OSError):
                        await channel.close()

    def reserve(self, name: str) -> bool:
        """Take the channel for one message, where it is free and its rate allows it."""
        is_free = name in self._channels and name not in self._busy
        if is_free and self._mono_s() >= self._free_from_s.get(name, float("-inf")):
            self._busy.add(name)
            return True
        return False

    def release(self, name: str) -> None:
        """The channel is free again."""
        self._busy.discard(name)

    def send(self, claimed: Notification, message: Message, answered: Answered) -> asyncio.Task[None]:
        """Send a claimed notification by its reserved channel. answered: called with what it became."""
        self._free_from_s[claimed.channel] = self._mono_s() + self._sections[claimed.channel].every_s
        return asyncio.create_task(self._send(claimed, message, answered))

    async def _send(self, claimed: Notification, message: Message, answered: Answered) -> None:
        try:
            answered(await self._answer(claimed, message))
        finally:
            self.release(claimed.channel)

    async def _answer(self, claimed: Notification, message: Message) -> Notification:
        channel = self._channels.get(claimed.channel)
        try:
            if channel is None:
                raise ChannelRefused("the channel is closed", final=False)
            async with asyncio.timeout(SEND_TIMEOUT_S):
                delivery = await channel.send(message)
        except ChannelRefused as refusal:
            return refused(claimed, refusal, self._now_s())
        except TimeoutError:
            late = ChannelRefused(f"no answer within {SEND_TIMEOUT_S:g} s", final=False)
            return refused(claimed, late, self._now_s())
        except Exception as error:  # a bug in one channel must not stop the others
            log.exception("channel_failed", channel=claimed.channel)
            return refused(claimed, ChannelRefused(f"internal: {type(error).__name__}", final=False), self._now_s())
        return accepted(claimed, delivery, self._now_s())

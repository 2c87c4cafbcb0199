"""The page of one process: its state, the reader that fills it, and the feed of those who watch."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from actions.oncall.now import OnCall, on_call_now
from classifiers.by_hand import Override
from config.models import Config
from config.oncall.build import roster_of
from streams.kafka.broadcast_consumer import BroadcastConsumer
from streams.kafka.settings import KafkaSettings
from streams.page.health_view import health_view, unwatched
from streams.page.state import PageState
from streams.respond.page.comparing import Comparing
from streams.respond.page.configuration import ShownConfiguration
from streams.respond.page.feed import Feed
from streams.respond.page.reader import PageReader
from streams.trust.authenticity import Authenticity

ON_CALL_S = 60.0
"""Who is on call is looked up again after so long."""


class Page:
    """overrides: of schedules. complaints_of_role: why the role respond is not well. now_s: the clock of deadlines.
    file: of the configuration, None for the shipped default."""

    def __init__(
        self, config: Config, settings: KafkaSettings, authenticity: Authenticity,
        overrides: Callable[[], Sequence[Override]], complaints_of_role: Callable[[], tuple[str, ...]],
        now_s: Callable[[], float], wall_s: Callable[[], float], mono_s: Callable[[], float],
        file: Path | None = None,
    ) -> None:
        self.state = PageState()
        self.now_s = now_s
        self._wall_s = wall_s
        self.configuration = ShownConfiguration(config, wall_s)
        folder = config.respond.comparisons
        self.comparing = Comparing(None if folder is None else Path(folder), file)
        self.targets = config.targets
        self._roster = roster_of(config)
        self._overrides = overrides
        self._complaints_of_role = complaints_of_role
        self._on_call: list[OnCall] = []
        self._on_call_by: tuple[Override, ...] | None = None
        self._on_call_until_s = float("-inf")
        self.feed = Feed(self.state, uuid.uuid4().hex[:12], self.status)
        self.reconfigure(config)
        reader = PageReader(config, self.state, authenticity, self.feed.wake)
        self._unread: int | None = None
        self._health_of: tuple[int, int] | None = None
        self._health: dict[str, Any] = {}
        self._unwatched: list[str] = []
        self._consumer = BroadcastConsumer(
            settings.brokers, reader.back_s, reader.process, now_s=wall_s, mono_s=mono_s, lag=self._note_lag,
            security=settings.security,
        )

    def reconfigure(self, config: Config) -> None:
        """Show the runbooks and maintenance windows of this configuration from now on."""
        self.runbooks = {book.name: book.runbook for book in config.playbooks}
        self.state.configure(config.maintenance)
        self.feed.wake()

    async def run(self) -> None:
        """Read until cancelled."""
        await self._consumer.run()

    def complaints(self) -> tuple[str, ...]:
        """Why what is shown may be old, or Tocsin is not well."""
        return (*self._complaints_of_role(), *(f"page: {one}" for one in self._consumer.complaints()))

    def status(self) -> dict[str, Any]:
        """What goes with everything that is shown. unread: records still to be read, None where it is not known."""
        now_s = self.now_s()
        known = self.state.changes.revision, int(now_s)
        if known != self._health_of:  # 50 viewers ask at the same time
            # The broker dates records by the wall clock, and the page counts ages by the clock of decisions.
            ahead_s = now_s - self._wall_s()
            self._health_of, self._health = known, health_view(self.state, ahead_s)
            self._unwatched = unwatched(self.state, now_s)
        health = {**self._health, "complaints": [*self.complaints(), *self._unwatched]}
        return {"now_s": now_s, "unread": self._unread, "health": health, "on_call": self.on_call()}

    def pages(self) -> list[tuple[str, float]]:
        """Who was paged by escalations, and when."""
        return [
            (person, step.at_s) for one in self.state.escalations() for step in one.fired for person in step.people
        ]

    def on_call(self) -> list[OnCall]:
        """Who is on call now, by each schedule. It is looked up again once somebody is to follow, for each override,
        and every minute: that takes some milliseconds, and all who watch ask each second."""
        now_s, overrides = self.now_s(), tuple(self._overrides())
        if now_s >= self._on_call_until_s or overrides != self._on_call_by:
            found = on_call_now(self._roster, overrides, now_s)
            self._on_call, self._on_call_by = found, overrides
            ends_s = [one.until_s for one in found if one.until_s is not None]
            self._on_call_until_s = min([now_s + ON_CALL_S, *ends_s])
        return self._on_call

    def _note_lag(self, unread: int | None) -> None:
        self._unread = unread

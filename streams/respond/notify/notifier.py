"""The notifications of a process: what it has read, its channels, and the owners of its partitions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator

import aiohttp

from actions.channels.kinds.slack import SlackParams
from actions.channels.message import Message
from actions.channels.routes import data_age_s
from actions.outbox.outbox import Outbox
from actions.outbox.pages import EscalationPages
from actions.outbox.releases import Releases
from classifiers.model import Incident
from config.models import Config
from streams.kafka.transactions import ShardProducer
from streams.respond.http.control_log import ControlLog
from streams.respond.notify.owner import LogSettings, NotificationOwner
from streams.respond.notify.senders import Senders
from streams.respond.notify.slack_clicks import SlackClicks
from streams.respond.notify.slack_socket import SlackSocket
from streams.respond.partition_owner import PartitionOwners
from streams.telemetry.notify_metrics import NotifyMetrics

OBSERVE_EVERY_S = 1.0
SETTLE_S = 120.0
"""Of an incident that was written so shortly after the begin of what is read, an earlier record may be missing."""


class Notifier:
    """place: the partition of an incident. producer: of notifications, by partition. read_from_s: from when on
    incidents are read. mono_s: monotonic seconds. clicks: what people click in Slack, and the log that it is written
    to. pages: what escalations have told. releases: the texts that wait for people. Without channels it does nothing.
    """

    def __init__(
        self, config: Config, log_settings: LogSettings, place: Callable[[str], int],
        producer: Callable[[int], ShardProducer], metrics: NotifyMetrics, read_from_s: float,
        mono_s: Callable[[], float], clicks: tuple[SlackClicks, ControlLog], pages: EscalationPages, releases: Releases,
    ) -> None:
        routes = {name: section.route for name, section in config.channels.items()}
        self.outbox = Outbox(routes, log_settings.source, place, pages, releases, config.owners_of)
        self._settings = log_settings
        self._producer = producer
        self._metrics = metrics
        self._complete_from_s = read_from_s + SETTLE_S
        self._senders = Senders(config.channels, log_settings.now_s, mono_s)
        self._clicks, self._control = clicks
        self._with_buttons = [
            params for section in config.channels.values()
            if isinstance(params := section.params, SlackParams) and params.app_token is not None
        ]
        self._owners = PartitionOwners[NotificationOwner]()

    async def run(self) -> None:
        """Hold the channels open, and measure, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._senders.run())
            group.create_task(self._observe())
            if self._with_buttons:
                group.create_task(self._listen())

    async def _listen(self) -> None:
        """Take what people click in Slack until cancelled."""
        async with (
            self._control, aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
            asyncio.TaskGroup() as group,
        ):
            for params in self._with_buttons:
                group.create_task(SlackSocket(params, session, self._clicks.take).run())

    def add_incident(self, incident: Incident, dated_s: float) -> None:
        """An incident as told by its shard. dated_s: by the broker's clock."""
        if self.outbox.routes:
            age_s = data_age_s(incident, dated_s, self._complete_from_s)
            self.outbox.add_incident(incident, self._settings.now_s(), age_s)

    def tell(self, message: Message, channel: str, *, urgent: bool) -> None:
        """Tell a message on a channel; one that was told under its id already is not told again."""
        self.outbox.ask(message, channel, urgent=urgent, now_s=self._settings.now_s())
        self.wake()

    async def assigned(self, partitions: Collection[int]) -> None:
        """The group has given these partitions to this process."""
        for number in partitions if self.outbox.routes else ():
            owner = NotificationOwner(
                number, self._producer(number), self.outbox, self._senders, self._metrics, self._settings,
            )
            self._owners.start(number, owner)

    async def revoked(self, partitions: Collection[int]) -> None:
        """The group has taken these partitions back."""
        await self._owners.stop(partitions)

    def wake(self) -> None:
        """Something was read."""
        self._owners.wake()

    def complaints(self) -> Iterator[str]:
        """Why notifications are not sent; nothing while they are."""
        for number, reason in self._owners.failures():
            yield f"notifications of partition {number}: {reason}"

    async def _observe(self) -> None:
        while True:
            self._metrics.observe({name: self.outbox.waiting(name) for name in self.outbox.routes})
            await asyncio.sleep(OBSERVE_EVERY_S)



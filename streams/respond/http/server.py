"""The server of the HTTP interface, of the page and of the webhooks of vendors, in the event loop of its role."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from aiohttp import web

from actions.trust.keys import Signer
from actions.trust.people import Directory
from config.models import Config
from streams.contracts.envelopes import source_of
from streams.kafka.settings import KafkaSettings
from streams.respond.http.api import Api
from streams.respond.http.authentication import Authenticator, IssuerKeys, fetcher
from streams.respond.http.control_log import ControlLog
from streams.respond.http.event_stream import EventStream
from streams.respond.http.readings import Known
from streams.respond.http.senders import Senders
from streams.respond.page.page import Page
from streams.respond.page.routes import PageRoutes
from streams.respond.page.sessions import Sessions
from streams.respond.vendors.vendors import pagerduty_hook_of
from streams.telemetry.respond_metrics import RespondMetrics

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.http")

RETRY_S = 5.0


class HttpServer:
    """Serves once somebody can be known by a token or a JWT, or a vendor by its signature. `failure`: why it does not
    serve, None while it does. now_s: the clock of decisions.
    """

    def __init__(
        self, config: Config, settings: KafkaSettings, known: Known, directory: Directory,
        signer: Signer | None, metrics: RespondMetrics, complaints: Callable[[], tuple[str, ...]], page: Page,
        now_s: Callable[[], float],
    ) -> None:
        self._config = config.respond
        self.events = EventStream()
        self.failure: str | None = None
        self.port: int | None = None
        client = {"bootstrap_servers": settings.brokers.split(","), **settings.security.options()}
        self._control = ControlLog(client, config.topics, source_of(config.kafka.group), signer, now_s)
        jwt = config.respond.jwt
        keys = None if jwt is None else IssuerKeys(fetcher(jwt.jwks_url))
        sessions = Sessions()
        authenticator = Authenticator(directory, jwt, keys, senders=Senders(config.respond.trusted_proxies))
        self._api = Api(
            known, directory, authenticator, self._control, self.events, metrics, complaints, page.now_s, sessions,
        )
        self._hook = pagerduty_hook_of(config, known.desk, directory, self._control, authenticator, now_s)
        has_people = any(one.token_sha256 or one.jwt_sub for one in config.people.values())
        wanted = has_people or config.respond.read_without_login or self._hook.wanted
        self.wanted = wanted and config.respond.listen is not None
        self._page = page
        self._routes = PageRoutes(page, directory, sessions, self._api.identify, config.respond.read_without_login)

    async def run(self) -> None:
        """Serve until cancelled. An address that is taken is tried again, and nothing else waits for it."""
        if not self.wanted or self._config.listen is None:
            return
        host, _, port = self._config.listen.rpartition(":")
        async with self._control, asyncio.TaskGroup() as group:
            reading = group.create_task(self._page.run())
            runner = web.AppRunner(self._api.app(self._routes, self._hook), access_log=None, shutdown_timeout=1.0)
            await runner.setup()
            try:
                while True:
                    if self.port is None:
                        await self._bind(runner, host.strip("[]"), int(port))
                    await asyncio.sleep(RETRY_S)
            finally:
                reading.cancel()
                await runner.cleanup()

    async def _bind(self, runner: web.AppRunner, host: str, port: int) -> None:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            self.failure = f"respond.listen: {host}:{port}: {error.strerror}"
            log.error("http_not_served", reason=self.failure)
            return
        self.failure = None
        self.port = runner.addresses[0][1]
        log.info("http_served", host=host, port=self.port)

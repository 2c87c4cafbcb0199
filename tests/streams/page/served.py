"""The page as the role respond serves it, over a state that a test fills; what people do is kept in memory."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiohttp.test_utils import TestClient, TestServer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from actions.approvals.desk import Desk
from actions.approvals.request import request_of
from actions.channels.notification import Notification
from actions.ledger.records import LedgerRecord
from actions.ledger.remedy import Remedy
from actions.model import Intent
from actions.outbox.releases import Releases
from actions.trust.approvals import ApprovalCheck
from actions.trust.keys import KeyRing, PublicKey, Signer
from actions.trust.people import Directory, Member
from actions.trust.roles import Role
from classifiers.intervals import IntervalParams, TimeRange
from classifiers.model import Incident
from classifiers.silences import MaintenanceWindow
from config import examine
from streams.kafka.settings import settings_of
from streams.respond.http.api import Api
from streams.respond.http.authentication import Authenticator, IssuerKeys, JwtSettings
from streams.respond.http.event_stream import EventStream
from streams.respond.http.readings import Known
from streams.respond.http.senders import Senders
from streams.respond.page.page import Page
from streams.respond.page.routes import PageRoutes
from streams.respond.page.sessions import COOKIE, PAGE_HEADER, Sessions
from streams.telemetry.respond_metrics import RespondMetrics
from streams.trust.setup import authenticity_of
from tests.actions.approvals.cases import SOURCE, T
from tests.streams.respond.written_log import WrittenLog

ROLES: dict[str, Role] = {"vera": "viewer", "rob": "responder", "ann": "approver", "carl": "commander"}
OF_PAGE = {PAGE_HEADER: "1", "Sec-Fetch-Site": "same-origin"}
PRIVATE = Ed25519PrivateKey.generate()
RING = KeyRing([PublicKey("r1", PRIVATE.public_key(), frozenset({"respond"}))])
OWNED_BY: Mapping[str, tuple[str, ...]] = {"vault": ("olga",)}
"""Services of somebody else: nobody under `ROLES` may do anything about them."""


WINDOW = MaintenanceWindow("nightly", (IntervalParams(times=(TimeRange("06:00", "09:00"),)),), ('service="vault"',))


class ServedPage:
    """complaints: of the role, as they are now. trusted: networks of trusted proxies. jwt, keys: of the issuer, whose
    JWTs name people by `NAME@example.com`. mono_s: the clock of sessions.
    """

    def __init__(
        self, *, reads_without_login: bool = False, trusted: tuple[str, ...] = (),
        jwt: JwtSettings | None = None, keys: IssuerKeys | None = None,
    ) -> None:
        directory = Directory(
            [
                Member(
                    name, frozenset({role}), token_sha256=hashlib.sha256(f"token-{name}".encode()).hexdigest(),
                    jwt_sub=f"{name}@example.com",
                )
                for name, role in ROLES.items()
            ],
            lambda service: OWNED_BY.get(service, ()),
        )
        config = examine(None, {})[0].model_copy(update={"maintenance": (WINDOW,)})
        self.complaints: tuple[str, ...] = ()
        self.log = WrittenLog(Signer("r1", PRIVATE))
        self.desk = Desk(ApprovalCheck(directory, RING, SOURCE))
        self.releases = Releases(directory)
        self.page = Page(
            config, settings_of(config), authenticity_of(config, SOURCE), tuple, lambda: self.complaints,
            lambda: T + 60.0, lambda: T + 60.0, lambda: T,
        )
        self.mono_s = 0.0
        self.sessions = Sessions(lambda: self.mono_s)
        api = Api(
            Known(
                self.desk, self.page.state.in_force, self.releases, lambda *_: None, list, self.page.state.reviews,
                self.page.state.silences,
            ),
            directory, Authenticator(directory, jwt, keys, senders=Senders(trusted)), self.log, EventStream(),
            RespondMetrics(), tuple, lambda: T + 60.0, self.sessions,
        )
        routes = PageRoutes(self.page, directory, self.sessions, api.identify, reads_without_login)
        self._app = api.app(routes)
        self.client: TestClient[Any, Any]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[ServedPage]:
        server = TestServer(self._app)
        await server.start_server(shutdown_timeout=0.2)  # viewers stay connected until then
        async with TestClient(server) as self.client:
            yield self

    def cut_connections(self) -> None:
        """Close every connection as a broken network would."""
        assert self.client.server.runner is not None
        assert self.client.server.runner.server is not None
        for handler in list(self.client.server.runner.server.connections):
            if handler.transport is not None:
                handler.transport.abort()

    @property
    def url(self) -> str:
        return str(self.client.make_url("/"))

    def tell(self, *incidents: Incident) -> None:
        """Incidents were read."""
        for one in incidents:
            self.page.state.add_incident(one)
            self.desk.add_incident(one, T)
        self.page.feed.wake()

    def ask(self, intent: Intent) -> None:
        """A request for approval was read."""
        request = request_of(intent, 0, 1, T)
        self.page.state.add_request(request)
        self.desk.record(request)
        self.page.feed.wake()

    def in_force(self, *records: Remedy | LedgerRecord) -> None:
        """Records of the ledger were read."""
        for one in records:
            self.page.state.add_in_force(orjson.dumps(one.to_json()))
        self.page.feed.wake()

    def draft(self, one: Notification) -> None:
        """A notification that waits for a person, or does no more, was read."""
        self.page.state.add_notification(one)
        self.releases.record(one)
        self.page.feed.wake()


async def log_in(served: ServedPage, who: str) -> str:
    async with served.client.post("/page/session", json={"token": f"token-{who}"}, headers=OF_PAGE) as answer:
        assert answer.status == 200
        cookie = answer.cookies[COOKIE]
        assert (cookie["httponly"], cookie["samesite"]) == (True, "Strict")
        return cookie.value

"""The routes of the page: its files at `/`, what it shows under `/page`, and its sessions.

The page acts through `/api/v1` alone. Addresses in its files are relative, so that it works behind a path prefix.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, get_args

from aiohttp import web

from actions.trust.people import Directory
from actions.trust.roles import Verb
from streams.page.history_view import HistoryFilter, history_view
from streams.page.incident_view import incident_view
from streams.page.now_view import now_view
from streams.page.service_view import service_view, services_view
from streams.respond.http.json_body import answer, body_of
from streams.respond.page.assets import Assets
from streams.respond.page.comparing import Busy
from streams.respond.page.feed import TooManyViewers
from streams.respond.page.page import Page
from streams.respond.page.sessions import COOKIE, PAGE_HEADER, Sessions, set_cookie

PREFIX = "/page"
MAX_FIND = 200
"""Characters of a search."""
Identify = Callable[[str, web.Request], Awaitable[str]]


class PageRoutes:
    """identify: the person of the value of an `Authorization` header; raises for nobody."""

    def __init__(
        self, page: Page, directory: Directory, sessions: Sessions, identify: Identify, reads_without_login: bool,
    ) -> None:
        self._page = page
        self._directory = directory
        self._sessions = sessions
        self._identify = identify
        self._reads_without_login = reads_without_login
        self._assets = Assets()

    def add_to(self, app: web.Application) -> None:
        """Add all routes."""
        routes = app.router
        routes.add_get("/", self._index)
        routes.add_get("/assets/{path:.+}", self._asset)
        routes.add_get(f"{PREFIX}/now", self._now)
        routes.add_get(f"{PREFIX}/incidents/{{id}}", self._incident)
        routes.add_get(f"{PREFIX}/services", self._services)
        routes.add_get(f"{PREFIX}/service", self._service)
        routes.add_get(f"{PREFIX}/history", self._history)
        routes.add_get(f"{PREFIX}/configuration", self._configuration)
        routes.add_post(f"{PREFIX}/configuration/compare", self._compare)
        routes.add_get(f"{PREFIX}/events", self._events)
        routes.add_get(f"{PREFIX}/session", self._session)
        routes.add_post(f"{PREFIX}/session", self._log_in)
        routes.add_delete(f"{PREFIX}/session", self._log_out)

    def is_public(self, request: web.Request) -> bool:
        """Whether a request needs no person: the files, and asking who one is; what is shown, where that is allowed.
        The configuration always wants a person."""
        if request.path == "/" or request.path.startswith("/assets/") or request.path == f"{PREFIX}/session":
            return True
        if request.path.startswith(f"{PREFIX}/configuration"):
            return False
        return self._reads_without_login and request.method == "GET" and request.path.startswith(f"{PREFIX}/")

    async def _index(self, _: web.Request) -> web.Response:
        return self._assets.response("index.html")

    async def _asset(self, request: web.Request) -> web.Response:
        return self._assets.response(request.match_info["path"])

    async def _now(self, _: web.Request) -> web.Response:
        page = self._page
        shown = now_view(page.state)
        return answer({**shown, **page.status(), "position": page.feed.position})

    async def _incident(self, request: web.Request) -> web.Response:
        incident = self._page.state.incident(request.match_info["id"])
        if incident is None:
            return answer({"error": "this incident is not known here"}, 404)
        page = self._page
        return answer({**incident_view(incident, page.state, page.runbooks, page.now_s()), **page.status()})

    async def _services(self, _: web.Request) -> web.Response:
        return answer({**services_view(self._page.state), **self._page.status()})

    async def _service(self, request: web.Request) -> web.Response:
        service, model = request.query.get("service", ""), request.query.get("model") or None
        known = self._page.state.series.service(service, model)
        if known is None:
            return answer({"error": f"no series of the service {service[:80]!r} was told yet"}, 404)
        find = request.query.get("find", "")[:MAX_FIND]
        return answer({**service_view(known, self._page.state, find), **self._page.status()})

    async def _history(self, request: web.Request) -> web.Response:
        asked = request.query
        wanted = HistoryFilter(
            _seconds(asked.get("since_s"), "since_s"), _seconds(asked.get("until_s"), "until_s"),
            asked.get("service") or None, asked.get("severity") or None, asked.get("category") or None,
        )
        page = self._page
        shown = history_view(page.state, wanted, page.targets, page.now_s(), page.pages())
        return answer({**shown, **page.status()})

    async def _configuration(self, _: web.Request) -> web.Response:
        page = self._page
        choices = await asyncio.to_thread(page.comparing.choices)
        return answer({**page.configuration.view(), "choices": choices, **page.status()})

    async def _compare(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        try:
            found = await self._page.comparing.compare(str(body.get("recording")), str(body.get("configuration")))
        except Busy as error:
            return answer({"error": str(error)}, 409)
        return answer({**found, **self._page.status()})

    async def _events(self, request: web.Request) -> web.StreamResponse:
        last_id = request.headers.get("Last-Event-ID") or request.query.get("after", "")
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        response = web.StreamResponse(headers=headers)
        try:
            async for event in self._page.feed.events(last_id):
                if not response.prepared:
                    await response.prepare(request)
                await response.write(event)
        except TooManyViewers as error:
            return answer({"error": str(error)}, 503)
        except ConnectionError:
            pass  # the viewer left
        return response

    async def _session(self, request: web.Request) -> web.Response:
        if "Authorization" in request.headers:  # of a proxy in front
            person = await self._identify(request.headers["Authorization"], request)
            return answer({**self._who(person), "by_proxy": True})
        return answer(self._who(self._sessions.person(request)))

    async def _log_in(self, request: web.Request) -> web.Response:
        if PAGE_HEADER not in request.headers:
            raise ValueError("a login comes from the page itself")
        token = (await body_of(request)).get("token")
        if not isinstance(token, str) or not token:
            raise ValueError(f"token {type(token).__name__}, expected a text")
        person = await self._identify(f"Bearer {token}", request)
        response = answer(self._who(person))
        set_cookie(response, self._sessions.begin(person), request)
        return response

    async def _log_out(self, request: web.Request) -> web.Response:
        self._sessions.end(request)
        response = answer(self._who(None))
        response.del_cookie(COOKIE, httponly=True, samesite="Strict")
        return response

    def _who(self, person: str | None) -> dict[str, Any]:
        verbs = () if person is None else get_args(Verb)
        return {
            "person": person, "may": [verb for verb in verbs if self._directory.may_anywhere(person or "", verb)],
            "roles": sorted(self._directory.roles_anywhere(person or "")),
            "may_read": self._reads_without_login or person is not None,
        }


def _seconds(text: str | None, name: str) -> float | None:
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{name} {text[:40]!r}, expected seconds since the epoch") from None

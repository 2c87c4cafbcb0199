"""Strict stand-ins for four trackers of work, in one server. Each refuses what the vendor documents as an error.

After the REST documentation of GitHub ("Create an issue", "List repository issues", version 2022-11-28), GitLab
("Issues API"), Jira ("Issues" and "Issue search" of version 2) and ServiceNow ("Table API"). What they leave out: rate
limits, projects and users, all fields that Tocsin does not send.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

TOKEN = "t0ken-of-the-tracker"
USER = "bot@example.com"
BASIC = f"Basic {base64.b64encode(f'{USER}:{TOKEN}'.encode()).decode()}"
BEARER = f"Bearer {TOKEN}"
Handler = Callable[[web.Request], Awaitable[web.Response]]


class Trackers:
    """rows: what was made, by kind. creates: how often something was asked for. outage: answers of 503 that follow."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {"github": [], "gitlab": [], "jira": [], "servicenow": []}
        self.outage = 0

    def app(self) -> web.Application:
        """The server."""
        app = web.Application()
        for path, kind, scheme in (
            ("/repos/acme/serving/issues", "github", BEARER), ("/api/v4/projects/7/issues", "gitlab", BEARER),
            ("/rest/api/2/issue", "jira", BASIC), ("/rest/api/2/search", "jira", BASIC),
            ("/api/now/table/task", "servicenow", BASIC),
        ):
            if not path.endswith("search"):
                app.router.add_post(path, self._guarded(scheme, getattr(self, f"_create_{kind}")))
            if path != "/rest/api/2/issue":
                app.router.add_get(path, self._guarded(scheme, getattr(self, f"_list_{kind}")))
        return app

    def _guarded(self, expected: str, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.Response:
            if request.headers.get("Authorization") != expected:
                return web.json_response({"message": "Bad credentials"}, status=401)
            if self.outage > 0:
                self.outage -= 1
                return web.json_response({}, status=503, headers={"Retry-After": "1"})
            return await handler(request)

        return guarded

    async def _create_github(self, request: web.Request) -> web.Response:
        body = await _fields(request, {"title", "body", "labels"}, {"title"})
        if request.headers.get("Accept") != "application/vnd.github+json" or not request.headers.get("User-Agent"):
            raise web.HTTPForbidden
        if not isinstance(body.get("labels", []), list):
            raise web.HTTPUnprocessableEntity
        row = {**body, "html_url": f"https://github.example/acme/serving/issues/{len(self.rows['github']) + 1}"}
        self.rows["github"].append(row)
        return web.json_response(row, status=201)

    async def _list_github(self, request: web.Request) -> web.Response:
        query = request.query
        if query.get("state") not in ("open", "closed", "all") or not 1 <= int(query["per_page"]) <= 100:
            raise web.HTTPUnprocessableEntity
        label, per_page, page = query["labels"], int(query["per_page"]), int(query["page"])
        found = [one for one in reversed(self.rows["github"]) if label in one["labels"]]
        return web.json_response(found[(page - 1) * per_page:page * per_page])

    async def _create_gitlab(self, request: web.Request) -> web.Response:
        body = await _fields(request, {"title", "description", "labels", "due_date"}, {"title"})
        if not isinstance(body.get("labels", ""), str) or not _is_day(body.get("due_date", "2026-01-01")):
            raise web.HTTPBadRequest
        row = {**body, "web_url": f"https://gitlab.example/acme/serving/-/issues/{len(self.rows['gitlab']) + 1}"}
        self.rows["gitlab"].append(row)
        return web.json_response(row, status=201)

    async def _list_gitlab(self, request: web.Request) -> web.Response:
        if request.query.get("in") != "description":
            raise web.HTTPBadRequest
        # A search finds parts of words too, so it may return more than what was meant.
        wanted = request.query["search"][:4]
        return web.json_response([one for one in self.rows["gitlab"] if wanted in one["description"]])

    async def _create_jira(self, request: web.Request) -> web.Response:
        body = await _fields(request, {"fields"}, {"fields"})
        known = {"project", "summary", "description", "issuetype", "labels", "duedate"}
        fields = body["fields"]
        if set(fields) - known or not {"project", "summary", "issuetype"} <= set(fields):
            raise web.HTTPBadRequest
        if any(" " in one for one in fields["labels"]) or not _is_day(fields.get("duedate", "2026-01-01")):
            raise web.HTTPBadRequest
        row = {"key": f"{fields['project']['key']}-{len(self.rows['jira']) + 1}", "fields": fields}
        self.rows["jira"].append(row)
        return web.json_response({"id": "1", "key": row["key"], "self": "https://jira.example/1"}, status=201)

    async def _list_jira(self, request: web.Request) -> web.Response:
        match = re.fullmatch(r'labels = "([\w-]+)"', request.query["jql"])
        if match is None:
            raise web.HTTPBadRequest
        found = [one for one in self.rows["jira"] if match[1] in one["fields"]["labels"]]
        return web.json_response({"issues": found})

    async def _create_servicenow(self, request: web.Request) -> web.Response:
        body = await _fields(request, {"short_description", "description", "correlation_id", "due_date"}, set())
        row = {**body, "number": f"TASK{len(self.rows['servicenow']) + 1:07}"}
        self.rows["servicenow"].append(row)
        return web.json_response({"result": row}, status=201)

    async def _list_servicenow(self, request: web.Request) -> web.Response:
        # As the product does: a condition that it does not understand is left out, and all records come.
        match = re.fullmatch(r"correlation_id=([\w-]+)", request.query["sysparm_query"])
        rows = self.rows["servicenow"]
        found = rows if match is None else [one for one in rows if one["correlation_id"] == match[1]]
        return web.json_response({"result": found[:int(request.query["sysparm_limit"])]})


async def _fields(request: web.Request, known: set[str], required: set[str]) -> dict[str, Any]:
    body = await request.json()
    if not isinstance(body, dict) or set(body) - known or not required <= set(body):
        raise web.HTTPUnprocessableEntity
    return body


def _is_day(text: str) -> bool:
    return re.fullmatch(r"\d{4}-\d\d-\d\d", text) is not None

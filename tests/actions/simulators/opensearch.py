"""A strict fake of OpenSearch, as far as aliases go.

It follows the OpenSearch 2 documentation of the Aliases API and of CAT indices: all actions of a request or none, 404
for an index or alias that does not exist, 400 for an unknown action or property, 406 for another content type.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from fnmatch import fnmatchcase

import aiohttp
from aiohttp import web

from actions.catalogue import ActionParams
from actions.kinds.data.index_switch import IndexSwitchParams
from actions.kinds.http import JsonValue
from actions.model import Intent
from tests.actions.simulators.http_target import QUICK, HttpSimulator

PROPERTIES = {"filter", "routing", "index_routing", "search_routing", "is_write_index"}
Aliases = dict[str, dict[str, JsonValue]]


class OpenSearchSimulator(HttpSimulator):
    """Three versions of a knowledge base, each a day younger; the alias `chat` with a filter on the last."""

    kind = "index_switch"

    def __init__(self, base: str, session: aiohttp.ClientSession) -> None:
        self.indices = {
            f"faq-v{number}": {"health": "green", "docs.count": "100", "creation.date": f"17000{number}0000000"}
            for number in range(3)
        }
        self.aliases: dict[str, Aliases] = {name: {} for name in self.indices}
        self.aliases["faq-v2"]["chat"] = {"filter": {"term": {"public": True}}}
        super().__init__(base, session)

    def params(self, base: str) -> ActionParams:
        return IndexSwitchParams(base, access=QUICK)

    def intent(self) -> Intent:
        return replace(super().intent(), target="chat", version="v2")

    def state(self) -> object:
        return copy.deepcopy(self.aliases)

    def points_to(self) -> list[str]:
        return [index for index, found in self.aliases.items() if "chat" in found]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        parts = request.path.strip("/").split("/")
        if request.method == "GET" and parts[0] == "_alias" and len(parts) == 2:
            return self._alias(parts[1])
        if request.method == "GET" and parts[:2] == ["_cat", "indices"] and request.query.get("format") == "json":
            return self._cat(parts[2].split(","), request.query.get("h", "").split(","))
        if request.method == "POST" and parts == ["_aliases"]:
            if request.content_type != "application/json":
                return _error(406, "Content-Type header is not supported")
            return self._update((await request.json())["actions"])
        return _error(400, f"no handler found for uri [{request.path}] and method [{request.method}]")

    def _alias(self, name: str) -> web.StreamResponse:
        found = {
            index: {"aliases": {name: aliases[name]}} for index, aliases in self.aliases.items() if name in aliases
        }
        return web.json_response(found) if found else _error(404, f"alias [{name}] missing")

    def _cat(self, patterns: list[str], columns: list[str]) -> web.StreamResponse:
        rows = [
            {"index": name, **row} for name, row in self.indices.items()
            if any(fnmatchcase(name, pattern) for pattern in patterns)
        ]
        for pattern in patterns:
            if "*" not in pattern and pattern not in self.indices:
                return _error(404, f"no such index [{pattern}]")
        return web.json_response([{name: row[name] for name in columns} for row in rows])

    def _update(self, actions: list[dict[str, dict[str, JsonValue]]]) -> web.StreamResponse:
        changed = copy.deepcopy(self.aliases)
        for action in actions:
            ((verb, body),) = action.items()
            index, alias = str(body.pop("index")), str(body.pop("alias"))
            must_exist = body.pop("must_exist", None)
            if verb not in ("add", "remove") or not set(body) <= PROPERTIES:
                return _error(400, f"unknown field in {verb}")
            if index not in changed:
                return _error(404, f"no such index [{index}]")
            if verb == "remove" and alias not in changed[index]:
                return _error(404, f"aliases [{alias}] missing") if must_exist is not False else web.Response()
            if verb == "add":
                changed[index][alias] = body
            else:
                del changed[index][alias]
        self.aliases = changed
        return web.json_response({"acknowledged": True})


def _error(status: int, reason: str) -> web.StreamResponse:
    return web.json_response({"error": {"type": "exception", "reason": reason}, "status": status}, status=status)

"""A simulated model registry."""

from __future__ import annotations

import aiohttp
from aiohttp import web

from actions.catalogue import ActionParams
from actions.kinds.http import JsonValue
from actions.kinds.models.rollback import RollbackParams
from tests.actions.simulators.http_target import QUICK, HttpSimulator


class RollbackSimulator(HttpSimulator):
    """A registry of one model with two versions, as far as a rollback asks; the real one has its own tests."""

    kind = "rollback"

    def __init__(self, base: str, session: aiohttp.ClientSession) -> None:
        super().__init__(base, session)
        self._alias = "2"
        self._tags: dict[str, dict[str, str]] = {"1": {"tocsin.version": "v1"}, "2": {"tocsin.version": "v2"}}

    def params(self, base: str) -> ActionParams:
        return RollbackParams(base, access=QUICK)

    def state(self) -> object:
        return self._alias

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if "nobody" in request.query_string:
            return web.json_response({"error_code": "RESOURCE_DOES_NOT_EXIST"}, status=404)
        path = request.path.removeprefix("/api/2.0/mlflow/")
        if request.method == "GET":
            found: JsonValue = [self._version(number) for number in self._tags]
            alias: JsonValue = {"model_version": self._version(self._alias)}
            return web.json_response(alias if path == "registered-models/alias" else {"model_versions": found})
        body = await request.json()
        if path == "registered-models/alias":
            self._alias = body["version"]
        elif path == "model-versions/set-tag":
            self._tags[body["version"]][body["key"]] = body["value"]
        return web.json_response({})

    def _version(self, number: str) -> JsonValue:
        tags: list[JsonValue] = [{"key": key, "value": value} for key, value in self._tags[number].items()]
        return {"name": "bytegpt", "version": number, "status": "READY", "tags": tags}

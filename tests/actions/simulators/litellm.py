"""A strict fake of the management API of a LiteLLM proxy.

It follows LiteLLM's documentation of virtual keys, teams and model management: a master key, 401 without it, 404 for
what it does not know, 400 for a request without an id or with fields that the endpoint does not have.
"""

from __future__ import annotations

from dataclasses import replace

import aiohttp
from aiohttp import web

from actions.base import Secret
from actions.catalogue import ActionParams
from actions.kinds.http import Access, JsonValue
from actions.kinds.litellm.block import LitellmBlockParams
from actions.kinds.litellm.limits import LitellmLimitsParams, Rates
from actions.model import Intent
from tests.actions.cases import INTENT
from tests.actions.simulators.http_target import HttpSimulator

MASTER_KEY = "sk-master"
IDS = {"model": "model_id", "team": "team_id", "key": "key"}
FIELDS = {"tpm_limit", "rpm_limit", "max_budget", "metadata", "models", "blocked"}


class LitellmSimulator(HttpSimulator):
    """A deployment, a team and a key. Every one is called `r0`."""

    access = Access(secret=Secret(MASTER_KEY), request_timeout_s=2.0)

    def __init__(self, base: str, session: aiohttp.ClientSession) -> None:
        self.records: dict[str, dict[str, JsonValue]] = {
            subject: {"blocked": None, "tpm_limit": 90_000, "rpm_limit": 600} for subject in IDS
        }
        super().__init__(base, session)

    def state(self) -> object:
        return {subject: dict(record) for subject, record in self.records.items()}

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {MASTER_KEY}":
            return _error(401, "Authentication Error, Invalid proxy server token passed")
        _, subject, verb = request.path.split("/")
        if request.method == "GET" and verb == "info":
            return self._info(subject, request)
        if request.method != "POST" or (subject, verb) == ("model", "update"):
            return _error(405, "Method Not Allowed")
        return self._post(subject, verb, await request.json())

    def _info(self, subject: str, request: web.Request) -> web.StreamResponse:
        name = request.query.get("litellm_model_id" if subject == "model" else IDS[subject])
        if name != "r0":
            return _error(404, f"{subject} not found in the database")
        record: JsonValue = dict(self.records[subject])
        answers: dict[str, JsonValue] = {
            "model": {"data": [{"model_name": "chat", "litellm_params": {}, "model_info": record}]},
            "team": {"team_id": name, "team_info": record, "keys": []},
            "key": {"key": name, "info": record},
        }
        return web.json_response(answers[subject])

    def _post(self, subject: str, verb: str, body: dict[str, JsonValue]) -> web.StreamResponse:
        allowed = {IDS[subject]} | (FIELDS if verb == "update" else set())
        if IDS[subject] not in body or not set(body) <= allowed:
            return _error(400, f"bad request: {sorted(body)}")
        if body.pop(IDS[subject]) != "r0":
            return _error(404, f"{subject} not found in the database")
        if verb == "update":
            self.records[subject].update(body)
        elif verb in ("block", "unblock"):
            self.records[subject]["blocked"] = verb == "block"
        else:
            return _error(404, "Not Found")
        return web.json_response({**self.records[subject]})


class LitellmBlockSimulator(LitellmSimulator):
    kind = "litellm_block"

    def params(self, base: str) -> ActionParams:
        return LitellmBlockParams(base, access=self.access)


class LitellmLimitsSimulator(LitellmSimulator):
    kind = "litellm_limits"

    def params(self, base: str) -> ActionParams:
        limited, normal = Rates(tpm_limit=9_000), Rates(tpm_limit=90_000)
        return LitellmLimitsParams(base, limited, normal, access=self.access, ids={"acme": "r0", "nobody": "other"})

    def intent(self) -> Intent:
        return replace(INTENT, kind=self.kind, target="chat/acme", tenant="acme")

    def unknown(self) -> Intent:
        return replace(self.intent(), target="chat/nobody", tenant="nobody")


def _error(status: int, message: str) -> web.StreamResponse:
    return web.json_response({"error": {"message": message, "type": "auth_error", "code": str(status)}}, status=status)

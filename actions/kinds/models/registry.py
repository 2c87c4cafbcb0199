"""A client of MLflow's model registry, as far as a rollback needs it (REST API 2.0). All calls raise `TargetError`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from actions.base import TargetError
from actions.kinds.http import Http, JsonValue, Method

MAX_PAGES = 20
PAGE_SIZE = 200


@dataclass(frozen=True, slots=True)
class Version:
    """A model version. ready: MLflow has finished registering it, and it was not archived."""

    model: str
    number: int
    ready: bool
    tags: Mapping[str, str]


class ModelRegistry:
    """One MLflow server. Each call is one request; `versions` is one request per 200 versions."""

    def __init__(self, http: Http, tracking_url: str) -> None:
        self._http = http
        self._base = tracking_url.rstrip("/") + "/api/2.0/mlflow/"

    async def alias(self, model: str, alias: str) -> int:
        """The version number that the alias points to; not retryable if model or alias do not exist."""
        answer = await self._get("registered-models/alias", {"name": model, "alias": alias})
        return _version(answer.get("model_version"), f"alias {model}@{alias}").number

    async def versions(self, model: str) -> list[Version]:
        """All versions of a model, in any order; at most 4,000."""
        if "'" in model or "\\" in model:
            raise TargetError(f"model {model!r}: quotes cannot be used in a registry filter", retryable=False)
        found: list[Version] = []
        query = {"filter": f"name='{model}'", "max_results": str(PAGE_SIZE)}
        for _ in range(MAX_PAGES):
            answer = await self._get("model-versions/search", query)
            page = answer.get("model_versions", [])
            if not isinstance(page, list):
                raise TargetError(f"model {model}: the registry answered no list of versions", retryable=False)
            found += [_version(item, f"model {model}") for item in page]
            token = answer.get("next_page_token")
            if not isinstance(token, str) or not token:
                return found
            query = {**query, "page_token": token}
        raise TargetError(f"model {model}: more than {MAX_PAGES * PAGE_SIZE} versions", retryable=False)

    async def tag(self, model: str, number: int, name: str, value: str) -> None:
        """Set a tag of a version."""
        body: JsonValue = {"name": model, "version": str(number), "key": name, "value": value}
        await self._send("POST", "model-versions/set-tag", body)

    async def point(self, model: str, alias: str, number: int) -> None:
        """Point the alias to a version."""
        await self._send("POST", "registered-models/alias", {"name": model, "alias": alias, "version": str(number)})

    async def _get(self, path: str, query: Mapping[str, str]) -> dict[str, JsonValue]:
        answer = await self._http.call("GET", self._base + path, query=query)
        if not isinstance(answer, dict):
            raise TargetError(f"GET {self._base}{path}: answered no JSON object, as MLflow would", retryable=False)
        return answer

    async def _send(self, method: Method, path: str, body: JsonValue) -> None:
        await self._http.call(method, self._base + path, body=body)


def _version(value: JsonValue, place: str) -> Version:
    fields = value if isinstance(value, dict) else {}
    number, tags = fields.get("version"), fields.get("tags", [])
    if not str(number).isdecimal() or not isinstance(tags, list):
        raise TargetError(f"{place}: the registry answered no version number: {number!r}", retryable=False)
    pairs = [(t.get("key"), t.get("value", "")) for t in tags if isinstance(t, dict)]
    ready = fields.get("status") == "READY" and fields.get("current_stage") != "Archived"
    return Version(str(fields.get("name", "")), int(str(number)), ready, {str(k): str(v) for k, v in pairs})

"""A model registry for the gateway: the alias endpoints of MLflow's REST API (2.0), with its status and error codes.

A strict stand-in for demo and drills, where a real MLflow would take longer to install than they run; the tests of
the rollback action use a real one, and a contract test sends the same requests to both and compares the answers. Only
what a rollback needs is there: get and set an alias, get and search model versions, tag a version.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from aiohttp import web

from streams.sandbox.requests import read_json

PREFIX = "/api/2.0/mlflow"
VERSION_TAG = "tocsin.version"
"""The tag that holds a version's label as telemetry names it; the rollback action's default."""
_BY_NAME = re.compile(r"\s*name\s*=\s*(?:'([^']*)'|\"([^\"]*)\")\s*")

Json = dict[str, object]
ErrorCode = Literal["INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"]


class RegistryError(Exception):
    """An error response in the words of MLflow."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def status(self) -> int:
        return 404 if self.code == "RESOURCE_DOES_NOT_EXIST" else 400


@dataclass(slots=True)
class ModelVersion:
    """One registered version: a number that MLflow gives out, and tags, `VERSION_TAG` among them."""

    number: int
    created_ms: int
    updated_ms: int
    tags: dict[str, str] = field(default_factory=dict)


class Registry:
    """One registered model, its versions and aliases. In memory; gone with the process."""

    def __init__(self, model: str, labels: tuple[str, ...], now_s: Callable[[], float]) -> None:
        self.model = model
        self.aliases: dict[str, int] = {}
        self._now_s = now_s
        start_ms = int(now_s() * 1000)
        self._versions = {
            number: ModelVersion(number, start_ms, start_ms, {VERSION_TAG: label})
            for number, label in enumerate(labels, 1)
        }

    def label(self, alias: str) -> str | None:
        """The deployed label of the version behind an alias, None where there is no such alias."""
        number = self.aliases.get(alias)
        return None if number is None else self._versions[number].tags[VERSION_TAG]

    def number_of(self, label: str) -> int | None:
        """The version that carries a label, None where no version does."""
        return next((v.number for v in self._versions.values() if v.tags.get(VERSION_TAG) == label), None)

    def get_alias(self, name: str, alias: str) -> Json:
        """The version behind an alias."""
        self._check_model(name)
        if alias not in self.aliases:
            raise RegistryError("INVALID_PARAMETER_VALUE", f"Registered model alias {alias} not found.")
        return {"model_version": self._describe(self._versions[self.aliases[alias]], with_aliases=True)}

    def set_alias(self, name: str, alias: str, version: str) -> Json:
        """Point an alias at a version."""
        self.aliases[alias] = self._version(name, version).number
        return {}

    def get_version(self, name: str, version: str) -> Json:
        """One version."""
        return {"model_version": self._describe(self._version(name, version), with_aliases=True)}

    def search_versions(self, wanted: str) -> Json:
        """All versions, newest first; `wanted` is empty or `name='...'`. None is an empty object, as in MLflow."""
        match = _BY_NAME.fullmatch(wanted)
        if wanted and match is None:
            raise RegistryError("INVALID_PARAMETER_VALUE", f"filter {wanted!r}: this stand-in knows name='...' only")
        if match is not None and (match[1] or match[2]) != self.model:
            return {}
        versions = sorted(self._versions.values(), key=lambda version: -version.number)
        return {"model_versions": [self._describe(version, with_aliases=False) for version in versions]}

    def set_tag(self, name: str, version: str, key: str, value: str) -> Json:
        """Write a tag on a version."""
        found = self._version(name, version)
        found.tags[key] = value
        found.updated_ms = int(self._now_s() * 1000)
        return {}

    def _check_model(self, name: str) -> None:
        if name != self.model:
            raise RegistryError("RESOURCE_DOES_NOT_EXIST", f"Registered Model with name={name} not found")

    def _version(self, name: str, version: str) -> ModelVersion:
        if not version.isdecimal():
            message = f"Parameter 'version' must be an integer, got '{version}'."
            raise RegistryError("INVALID_PARAMETER_VALUE", message)
        found = self._versions.get(int(version)) if name == self.model else None
        if found is None:
            message = f"Model Version (name={name}, version={version}) not found"
            raise RegistryError("RESOURCE_DOES_NOT_EXIST", message)
        return found

    def _describe(self, version: ModelVersion, *, with_aliases: bool) -> Json:
        described: Json = {
            "name": self.model, "version": str(version.number), "creation_timestamp": version.created_ms,
            "last_updated_timestamp": version.updated_ms, "current_stage": "None", "description": "",
            "source": f"s3://demo/{version.tags[VERSION_TAG]}", "run_id": "", "status": "READY",
            "tags": [{"key": key, "value": value} for key, value in version.tags.items()], "run_link": "",
        }
        aliases = sorted(alias for alias, number in self.aliases.items() if number == version.number)
        if with_aliases and aliases:  # MLflow gives aliases with a single version only, and no empty lists
            described["aliases"] = aliases
        return described


AliasSet = Callable[[web.Request, str, str | None], None]


def add_routes(app: web.Application, registry: Registry, on_change: AliasSet) -> None:
    """Serve a registry under MLflow's paths.

    on_change: called for each alias that was set, with the request, the alias and the label that it pointed at before.
    """
    async def get_alias(request: web.Request) -> web.Response:
        return _answer(lambda: registry.get_alias(*_required(request.query, "name", "alias")))

    async def set_alias(request: web.Request) -> web.Response:
        body = await read_json(request)

        def apply() -> Json:
            name, alias, version = _required(body, "name", "alias", "version")
            before = registry.label(alias)
            answer = registry.set_alias(name, alias, version)
            on_change(request, alias, before)
            return answer

        return _answer(apply)

    async def get_version(request: web.Request) -> web.Response:
        return _answer(lambda: registry.get_version(*_required(request.query, "name", "version")))

    async def search_versions(request: web.Request) -> web.Response:
        return _answer(lambda: registry.search_versions(request.query.get("filter", "")))

    async def set_tag(request: web.Request) -> web.Response:
        body = await read_json(request)
        return _answer(lambda: registry.set_tag(*_required(body, "name", "version", "key", "value")))

    app.router.add_get(f"{PREFIX}/registered-models/alias", get_alias)
    app.router.add_post(f"{PREFIX}/registered-models/alias", set_alias)
    app.router.add_get(f"{PREFIX}/model-versions/get", get_version)
    app.router.add_get(f"{PREFIX}/model-versions/search", search_versions)
    app.router.add_post(f"{PREFIX}/model-versions/set-tag", set_tag)


def _answer(call: Callable[[], Json]) -> web.Response:
    try:
        return web.json_response(call())
    except RegistryError as error:
        return web.json_response({"error_code": error.code, "message": str(error)}, status=error.status)


def _required(given: Mapping[str, object], *names: str) -> list[str]:
    values = []
    for name in names:
        value = given.get(name)
        if value is None:
            raise RegistryError("INVALID_PARAMETER_VALUE", f"Missing value for required parameter '{name}'.")
        if not isinstance(value, str):
            raise RegistryError("INVALID_PARAMETER_VALUE", f"Invalid value {value} for parameter '{name}' supplied.")
        values.append(value)
    return values

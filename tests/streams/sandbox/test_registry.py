"""The stand-in registry against a real MLflow: the same requests get the same answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from streams.sandbox.gateway import Fleet, Gateway, GatewayServer
from streams.sandbox.registry import PREFIX, VERSION_TAG

Asked = tuple[str, str, dict[str, Any]]

ALIAS, GET, SEARCH = "registered-models/alias", "model-versions/get", "model-versions/search"
TAG = "model-versions/set-tag"
REQUESTS: list[Asked] = [
    ("GET", ALIAS, {"name": "bytegpt", "alias": "champion"}),
    ("GET", ALIAS, {"name": "bytegpt", "alias": "nobody"}),
    ("GET", ALIAS, {"name": "other", "alias": "champion"}),
    ("GET", ALIAS, {"name": "bytegpt"}),
    ("GET", GET, {"name": "bytegpt", "version": "1"}),
    ("GET", GET, {"name": "bytegpt", "version": "9"}),
    ("GET", GET, {"name": "bytegpt", "version": "v1"}),
    ("GET", GET, {"name": "other", "version": "1"}),
    ("GET", SEARCH, {"filter": "name='bytegpt'", "max_results": "200"}),
    ("GET", SEARCH, {"filter": "name='other'"}),
    ("GET", SEARCH, {"filter": "colour='red'"}),
    ("GET", SEARCH, {}),
    ("POST", ALIAS, {"name": "bytegpt", "alias": "champion", "version": "2"}),
    ("GET", ALIAS, {"name": "bytegpt", "alias": "champion"}),
    ("POST", ALIAS, {"name": "bytegpt", "alias": "fallback", "version": "2"}),
    ("GET", GET, {"name": "bytegpt", "version": "2"}),
    ("POST", ALIAS, {"name": "bytegpt", "alias": "champion", "version": "9"}),
    ("POST", ALIAS, {"name": "other", "alias": "champion", "version": "1"}),
    ("POST", ALIAS, {"name": "bytegpt", "alias": "champion", "version": 1}),
    ("POST", ALIAS, {"name": "bytegpt", "alias": "champion"}),
    ("POST", ALIAS, {}),
    ("POST", TAG, {"name": "bytegpt", "version": "2", "key": "tocsin.incident", "value": "i1"}),
    ("POST", TAG, {"name": "bytegpt", "version": "9", "key": "tocsin.incident", "value": "i1"}),
    ("GET", GET, {"name": "bytegpt", "version": "2"}),
]


@pytest.fixture
def mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """MLflow's own server application on an empty store, with the demo's model, versions and alias in it."""
    store = f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("_MLFLOW_SERVER_FILE_STORE", store)
    monkeypatch.setenv("_MLFLOW_SERVER_REGISTRY_STORE", store)
    monkeypatch.setenv("_MLFLOW_SERVER_ARTIFACT_ROOT", str(tmp_path))
    server = pytest.importorskip("mlflow.server")
    client = server.app.test_client()
    client.post(f"{PREFIX}/registered-models/create", json={"name": "bytegpt"})
    for label in ("v1", "v2"):
        tags = [{"key": VERSION_TAG, "value": label}]
        body = {"name": "bytegpt", "source": f"s3://demo/{label}", "tags": tags}
        client.post(f"{PREFIX}/model-versions/create", json=body)
    client.post(f"{PREFIX}/{ALIAS}", json={"name": "bytegpt", "alias": "champion", "version": "1"})
    return client


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    server = GatewayServer(Gateway(Fleet()))
    async with aiohttp.ClientSession(await server.start()) as session:
        yield session
    await server.stop()


def essence(status: int, answer: Any) -> tuple[int, Any]:
    """What a client may rely on: everything but times, the wording of errors, and the order of tags."""
    if status != 200:
        return status, answer["error_code"]
    found = answer.get("model_versions", [answer["model_version"]] if "model_version" in answer else [])
    for version in found:
        assert {"creation_timestamp", "last_updated_timestamp"} <= version.keys()
        version["creation_timestamp"] = version["last_updated_timestamp"] = 0
        version["tags"].sort(key=lambda tag: tag["key"])
    return status, answer


async def test_the_stand_in_answers_as_mlflow_does(mlflow: Any, http: aiohttp.ClientSession) -> None:
    for method, path, asked in REQUESTS:
        if method == "GET":
            real = mlflow.get(f"{PREFIX}/{path}", query_string=asked)
            async with http.get(f"{PREFIX}/{path}", params=asked) as answer:
                ours = essence(answer.status, await answer.json())
        else:
            real = mlflow.post(f"{PREFIX}/{path}", json=asked)
            async with http.post(f"{PREFIX}/{path}", json=asked) as answer:
                ours = essence(answer.status, await answer.json())

        assert ours == essence(real.status_code, real.get_json()), f"{method} {path} {asked}"

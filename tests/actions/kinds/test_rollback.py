"""Rollback against a real MLflow server."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest
from pytest_httpserver import HTTPServer

from actions.base import Bounds, Done, Refusal, RunContext, TargetError
from actions.executor import Executor
from actions.kinds.http import JsonValue
from actions.kinds.models.rollback import Rollback, RollbackParams
from actions.ledger.ledger import MemoryLedger
from actions.limits import LimitParams
from actions.model import Intent
from tests.actions.cases import Clock, intent

LIVE = RunContext()


class Shelf:
    """One registered model with versions v1, v2, ... (tagged so) and `champion` on the newest."""

    def __init__(self, url: str, session: aiohttp.ClientSession, reload_url: str | None = None) -> None:
        self.session = session
        self.base = f"{url}/api/2.0/mlflow/"
        self.model = f"bytegpt-{uuid.uuid4().hex[:8]}"
        self.params = RollbackParams(url, reload_url=reload_url, bounds=Bounds(timeout_s=30.0, wait_s=0.0))
        self.action: Rollback = self.params.build(session)

    async def post(self, path: str, body: dict[str, JsonValue]) -> None:
        async with self.session.post(self.base + path, json=body) as response:
            assert response.status == 200, await response.text()

    async def stock(self, versions: int = 2) -> Shelf:
        await self.post("registered-models/create", {"name": self.model})
        for number in range(1, versions + 1):
            tags: JsonValue = [{"key": "tocsin.version", "value": f"v{number}"}]
            source = f"s3://models/{self.model}/{number}"
            await self.post("model-versions/create", {"name": self.model, "source": source, "tags": tags})
        await self.point(versions)
        return self

    async def point(self, number: int) -> None:
        body: dict[str, JsonValue] = {"name": self.model, "alias": "champion", "version": str(number)}
        await self.post("registered-models/alias", body)

    async def champion(self) -> int:
        query = {"name": self.model, "alias": "champion"}
        async with self.session.get(self.base + "registered-models/alias", params=query) as response:
            return int((await response.json())["model_version"]["version"])

    async def tags(self, number: int) -> dict[str, str]:
        query = {"name": self.model, "version": str(number)}
        async with self.session.get(self.base + "model-versions/get", params=query) as response:
            return {tag["key"]: tag["value"] for tag in (await response.json())["model_version"]["tags"]}

    def blame(self, version: str | None, key: str = "k1", **params: str | float | bool | None) -> Intent:
        changed = intent(key, kind="rollback", target=f"chat/{self.model}", model=self.model, version=version)
        return replace(changed, params=dict(params))

    async def run(self, of: Intent, ctx: RunContext = LIVE) -> Done:
        return await self.action.run(of, ctx)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def shelf(mlflow_url: str, session: aiohttp.ClientSession) -> Shelf:
    return await Shelf(mlflow_url, session).stock()


async def test_alias_moves_to_the_version_before_and_the_bad_one_is_marked(shelf: Shelf) -> None:
    done = await shelf.run(shelf.blame("v2"))
    assert await shelf.champion() == 1
    assert (done.data["from_version"], done.data["to_version"]) == ("2", "1")
    assert (await shelf.tags(2))["tocsin.incident"] == "i1"
    assert "tocsin.incident" not in await shelf.tags(1)


async def test_second_run_of_the_key_succeeds_and_of_another_key_is_refused(shelf: Shelf) -> None:
    first = await shelf.run(shelf.blame("v2"))
    assert await shelf.run(shelf.blame("v2")) == first
    with pytest.raises(Refusal, match="already on v1"):
        await shelf.run(shelf.blame("v2", "k2"))
    assert await shelf.champion() == 1


async def test_alias_that_someone_moved_stays_where_they_put_it(
    mlflow_url: str, session: aiohttp.ClientSession
) -> None:
    shelf = await Shelf(mlflow_url, session).stock(3)
    await shelf.point(1)
    with pytest.raises(Refusal, match="already on v1, not on v3"):
        await shelf.run(shelf.blame("v3"))
    assert await shelf.champion() == 1
    assert "tocsin.incident" not in await shelf.tags(3)


async def test_version_that_raised_an_incident_is_never_chosen_again(
    mlflow_url: str, session: aiohttp.ClientSession
) -> None:
    shelf = await Shelf(mlflow_url, session).stock(3)
    await shelf.run(shelf.blame("v3"))
    await shelf.run(shelf.blame("v2", "k2"))
    assert await shelf.champion() == 1
    with pytest.raises(Refusal, match="no ready version older than v1"):
        await shelf.run(shelf.blame("v1", "k3"))
    with pytest.raises(Refusal, match="raised an incident itself"):
        await shelf.run(shelf.blame("v1", "k4", to_version="v3"))


async def test_version_that_the_step_names_as_bad_is_never_chosen(
    mlflow_url: str, session: aiohttp.ClientSession
) -> None:
    shelf = await Shelf(mlflow_url, session).stock(3)
    with pytest.raises(Refusal, match="v2 was asked for, but it raised an incident"):
        await shelf.run(shelf.blame("v3", to_version="v2", bad_versions="v2"))
    await shelf.run(shelf.blame("v3", bad_versions="v2, v9"))
    assert await shelf.champion() == 1


async def test_version_asked_for_is_taken_by_label_or_number(mlflow_url: str, session: aiohttp.ClientSession) -> None:
    shelf = await Shelf(mlflow_url, session).stock(3)
    await shelf.run(shelf.blame("3", to_version="v1"))
    assert await shelf.champion() == 1


async def test_rehearsal_names_the_move_and_changes_nothing(shelf: Shelf) -> None:
    done = await shelf.run(shelf.blame("v2"), RunContext(dry_run=True))
    assert "from v2 to v1" in done.detail
    assert await shelf.champion() == 2
    assert "tocsin.incident" not in await shelf.tags(2)


async def test_unknown_model_version_and_alias_are_not_retried(shelf: Shelf) -> None:
    for blamed in (replace(shelf.blame("v2"), model="nobody"), shelf.blame("v9")):
        with pytest.raises(TargetError) as caught:
            await shelf.run(blamed)
        assert not caught.value.retryable
    with pytest.raises(Refusal, match="no suspected version"):
        await shelf.run(shelf.blame(None))


async def test_failed_reload_is_retried_without_a_second_move(
    mlflow_url: str, session: aiohttp.ClientSession, httpserver: HTTPServer
) -> None:
    httpserver.expect_ordered_request("/reload", method="POST").respond_with_data(status=503)
    httpserver.expect_ordered_request("/reload", method="POST").respond_with_json({})
    shelf = await Shelf(mlflow_url, session, httpserver.url_for("/reload")).stock()
    executor = Executor({"rollback": shelf.action}, MemoryLedger(), LimitParams(), Clock(), dry_run=False)
    outcome = await executor.execute(shelf.blame("v2"))
    assert outcome.status == "executed", outcome.detail
    assert outcome.detail.endswith("moved from v2 to v1, gateway reloaded")
    assert await shelf.champion() == 1
    again = await executor.execute(shelf.blame("v2"))
    assert again.status == "duplicate"
    assert len(httpserver.log) == 2

"""An index is switched by its alias: which one is chosen, and what is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from actions.base import Refusal, RunContext, TargetError
from actions.kinds.data.index_switch import IndexSwitchParams
from tests.actions.simulators.http_target import running
from tests.actions.simulators.opensearch import OpenSearchSimulator

LIVE = RunContext()


@pytest.fixture
async def cluster() -> AsyncIterator[OpenSearchSimulator]:
    async with running(OpenSearchSimulator) as simulator:
        assert isinstance(simulator, OpenSearchSimulator)
        yield simulator


async def test_alias_moves_with_its_filter_and_back_in_one_request_each(cluster: OpenSearchSimulator) -> None:
    before = cluster.state()
    await cluster.action.run(cluster.intent(), LIVE)
    assert cluster.aliases["faq-v1"] == {"chat": {"filter": {"term": {"public": True}}}}
    assert cluster.writes() == 1
    await cluster.action.run(replace(cluster.intent(), key="u", undo=True), LIVE)
    assert cluster.state() == before


async def test_index_that_raised_an_incident_is_never_chosen(cluster: OpenSearchSimulator) -> None:
    await cluster.action.run(cluster.intent(), LIVE)
    second = replace(cluster.intent(), key="k2", incident_id="i2", version="v1")
    with pytest.raises(Refusal, match="faq-v2 was asked for, but it raised an incident itself"):
        await cluster.action.run(replace(second, params={"to_index": "faq-v2"}), LIVE)
    with pytest.raises(Refusal, match="no index older than faq-v1 is ready"):
        await cluster.action.run(replace(second, params={"bad_indices": "faq-v0"}), LIVE)
    await cluster.action.run(second, LIVE)
    assert cluster.points_to() == ["faq-v0"]


@pytest.mark.parametrize(("field", "value"), [("health", "red"), ("docs.count", "0")])
async def test_index_that_is_not_ready_is_passed_over(cluster: OpenSearchSimulator, field: str, value: str) -> None:
    cluster.indices["faq-v1"][field] = value
    await cluster.action.run(cluster.intent(), LIVE)
    assert cluster.points_to() == ["faq-v0"]


async def test_alias_elsewhere_is_left_alone(cluster: OpenSearchSimulator) -> None:
    with pytest.raises(Refusal, match="points to faq-v2, not to one of version v1"):
        await cluster.action.run(replace(cluster.intent(), version="v1"), LIVE)
    cluster.aliases["faq-v1"]["chat"] = {}
    with pytest.raises(Refusal, match="points to 2 indices"):
        await cluster.action.run(cluster.intent(), LIVE)
    assert cluster.writes() == 0


async def test_index_without_a_version_in_its_name_needs_a_target(cluster: OpenSearchSimulator) -> None:
    cluster.indices["faq"] = dict(cluster.indices["faq-v2"])
    cluster.aliases["faq"] = {"chat": cluster.aliases["faq-v2"].pop("chat")}
    intent = replace(cluster.intent(), version=None)
    with pytest.raises(Refusal, match=r"faq ends in no version, expected params\.to_index"):
        await cluster.action.run(intent, LIVE)
    await cluster.action.run(replace(intent, params={"to_index": "faq-v0"}), LIVE)
    assert cluster.points_to() == ["faq-v0"]


async def test_index_asked_for_must_exist(cluster: OpenSearchSimulator) -> None:
    with pytest.raises(TargetError, match="no such index") as caught:
        await cluster.action.run(replace(cluster.intent(), params={"to_index": "faq-v9"}), LIVE)
    assert not caught.value.retryable
    with pytest.raises(TargetError, match="expected the name of an alias"):
        await cluster.action.run(replace(cluster.intent(), service="../_all"), LIVE)


def test_params_out_of_range_are_named() -> None:
    with pytest.raises(ValueError, match=r"IndexSwitchParams.min_documents: -1"):
        IndexSwitchParams("http://search", min_documents=-1)
    with pytest.raises(ValueError, match=r"IndexSwitchParams.alias: '{host}'"):
        IndexSwitchParams("http://search", "{host}")

"""Rollbacks and scaling at a strict fake of the Kubernetes API: which version is chosen, and what is refused."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from actions.base import Refusal, RunContext, TargetError
from actions.kinds.extras import optional
from actions.kinds.http import JsonValue
from actions.kinds.kubernetes.cluster import Cluster
from actions.kinds.kubernetes.deployment_rollback import DeploymentRollbackParams
from actions.kinds.kubernetes.objects import at, version_of
from actions.kinds.kubernetes.scale import ScaleParams
from tests.actions.simulators.clusters import (
    REVISION,
    ArgoSimulator,
    ClusterSimulator,
    DeploymentSimulator,
    KserveSimulator,
    RouteSimulator,
    ScaleSimulator,
)
from tests.actions.simulators.http_target import running
from tests.actions.simulators.kubernetes_api import Stored

pytest.importorskip("kubernetes_asyncio", reason="the extra kubernetes is not installed")
LIVE = RunContext()


@pytest.fixture
async def chat() -> AsyncIterator[DeploymentSimulator]:
    async with running(DeploymentSimulator) as simulator:
        assert isinstance(simulator, DeploymentSimulator)
        yield simulator


@pytest.fixture
async def argo() -> AsyncIterator[ArgoSimulator]:
    async with running(ArgoSimulator) as simulator:
        assert isinstance(simulator, ArgoSimulator)
        yield simulator


@pytest.fixture
async def kserve() -> AsyncIterator[KserveSimulator]:
    async with running(KserveSimulator) as simulator:
        assert isinstance(simulator, KserveSimulator)
        yield simulator


@pytest.fixture
async def fleet() -> AsyncIterator[ScaleSimulator]:
    async with running(ScaleSimulator) as simulator:
        assert isinstance(simulator, ScaleSimulator)
        yield simulator


def running_version(simulator: ClusterSimulator) -> str | None:
    return version_of(at(simulator.item(), "spec", "template"), "app.kubernetes.io/version")


def replicas(simulator: ClusterSimulator) -> JsonValue:
    return at(simulator.item(), "spec", "replicas")


def part(item: Stored, *path: str) -> dict[str, JsonValue]:
    found = at(item, *path)
    assert isinstance(found, dict)
    return found


async def test_deployment_goes_back_one_revision_without_the_label_of_its_hash(chat: DeploymentSimulator) -> None:
    done = await chat.action.run(chat.blame("v2"), LIVE)
    assert (done.data["from_version"], done.data["to_version"]) == ("v2", "v1")
    assert running_version(chat) == "v1"
    assert "pod-template-hash" not in part(chat.item(), "spec", "template", "metadata", "labels")


async def test_version_that_raised_an_incident_is_never_chosen(chat: DeploymentSimulator) -> None:
    with pytest.raises(Refusal, match="no kept revision is free of incidents"):
        await chat.action.run(chat.blame("v2", bad_versions="v0,v1"), LIVE)
    await chat.action.run(chat.blame("v2", bad_versions="v1"), LIVE)
    assert running_version(chat) == "v0"


async def test_rollback_after_a_rollback_knows_the_bad_version_of_the_first(chat: DeploymentSimulator) -> None:
    await chat.action.run(chat.blame("v2"), LIVE)
    await chat.action.run(chat.blame("v1", "k2"), LIVE)
    assert running_version(chat) == "v0"
    with pytest.raises(Refusal, match="version v2 was asked for, but it raised an incident itself"):
        await chat.action.run(chat.blame("v0", "k3", to_version="v2"), LIVE)


async def test_version_asked_for_must_be_kept(chat: DeploymentSimulator) -> None:
    with pytest.raises(Refusal, match="version v9 was asked for, but no revision of it is kept"):
        await chat.action.run(chat.blame("v2", to_version="v9"), LIVE)
    await chat.action.run(chat.blame("v2", to_version="v0"), LIVE)
    assert running_version(chat) == "v0"


async def test_another_version_than_the_suspected_is_left_alone(chat: DeploymentSimulator) -> None:
    with pytest.raises(Refusal, match="runs version v2, not the suspected v1"):
        await chat.action.run(chat.blame("v1"), LIVE)
    part(chat.item(), "spec")["paused"] = True
    with pytest.raises(Refusal, match="is paused"):
        await chat.action.run(chat.blame("v2"), LIVE)
    assert chat.writes() == 0


async def test_replica_sets_of_others_are_no_revisions(chat: DeploymentSimulator) -> None:
    part(chat.item(), "metadata")["uid"] = "another"
    with pytest.raises(Refusal, match="no kept revision"):
        await chat.action.run(chat.blame("v2"), LIVE)


async def test_change_by_somebody_else_is_decided_anew(chat: DeploymentSimulator) -> None:
    chat.api.races = 1
    with pytest.raises(TargetError, match="answered 409: the object has been modified") as caught:
        await chat.action.run(chat.blame("v2"), LIVE)
    assert caught.value.retryable
    assert running_version(chat) == "v2"
    await chat.action.run(chat.blame("v2"), LIVE)
    assert running_version(chat) == "v1"


async def test_template_that_somebody_set_since_is_read_as_not_applied(chat: DeploymentSimulator) -> None:
    intent = chat.blame("v2")
    await chat.action.run(intent, LIVE)
    part(chat.item(), "spec", "template", "metadata", "labels")["app.kubernetes.io/version"] = "v3"
    reading = await chat.action.read_back(intent)
    assert reading.applied is False
    assert "runs version v3, 3 of 3 replicas ready" in reading.detail
    with pytest.raises(Refusal, match=r"runs version v3, .*somebody changed it after this rollback"):
        await chat.action.run(intent, LIVE)


async def test_update_under_way_is_aborted_and_goes_back_to_the_stable_revision(argo: ArgoSimulator) -> None:
    await argo.action.run(argo.blame("v2"), LIVE)
    assert running_version(argo) == "v1"
    assert [path.rpartition("/")[2] for path, _ in argo.api.patches] == ["status", "chat"]
    assert at(argo.item(), "status", "abort") is True


async def test_promoted_rollout_goes_back_by_its_template_alone(argo: ArgoSimulator) -> None:
    argo.item()["status"] = {"stableRS": "h3", "currentPodHash": "h3"}
    await argo.action.run(argo.blame("v2"), LIVE)
    assert running_version(argo) == "v1"
    assert len(argo.api.patches) == 1


async def test_rollout_without_a_status_sub_resource_is_aborted_too(argo: ArgoSimulator) -> None:
    argo.api.with_status.remove("rollouts")
    await argo.action.run(argo.blame("v2"), LIVE)
    assert at(argo.item(), "status", "abort") is True
    assert running_version(argo) == "v1"


async def test_rollout_of_another_workload_has_no_template_to_restore(argo: ArgoSimulator) -> None:
    del part(argo.item(), "spec")["template"]
    with pytest.raises(Refusal, match="no pod template of its own"):
        await argo.action.run(argo.blame("v2"), LIVE)


async def test_canary_gets_no_traffic_after_a_rollback(kserve: KserveSimulator) -> None:
    done = await kserve.action.run(kserve.blame("v2"), LIVE)
    assert done.data["to"] == "chat-00001"
    assert at(kserve.item(), "spec", "predictor", "canaryTrafficPercent") == 0


async def test_promoted_service_goes_back_to_the_revision_before(kserve: KserveSimulator) -> None:
    part(kserve.item(), "status", "components", "predictor").update(
        latestRolledoutRevision="chat-00002", previousRolledoutRevision="chat-00001",
    )
    assert (await kserve.action.run(kserve.blame("v2"), LIVE)).data["to"] == "chat-00001"


async def test_revision_must_be_ready_and_free_of_incidents(kserve: KserveSimulator) -> None:
    with pytest.raises(Refusal, match="has version v1, which raised an incident itself"):
        await kserve.action.run(kserve.blame("v2", bad_versions="v1"), LIVE)
    kserve.api.objects[f"{REVISION}chat-00001"]["status"] = {"conditions": [{"type": "Ready", "status": "False"}]}
    with pytest.raises(Refusal, match="chat-00001 is not ready"):
        await kserve.action.run(kserve.blame("v2"), LIVE)
    assert kserve.writes() == 0


async def test_service_without_revisions_needs_a_storage_uri(kserve: KserveSimulator) -> None:
    part(kserve.item(), "metadata")["annotations"] = {"serving.kserve.io/deploymentMode": "Standard"}
    with pytest.raises(Refusal, match=r"expected params\.to_storage_uri"):
        await kserve.action.run(kserve.blame("v2"), LIVE)
    good, bad = "s3://models/chat/v1", "s3://models/chat/v2"
    with pytest.raises(Refusal, match="raised an incident itself"):
        await kserve.action.run(kserve.blame("v2", to_storage_uri=bad), LIVE)
    intent = kserve.blame("v2", to_storage_uri=good)
    await kserve.action.run(intent, LIVE)
    assert at(kserve.item(), "spec", "predictor", "model", "storageUri") == good
    assert (await kserve.action.read_back(intent)).applied is True


async def test_replicas_grow_to_their_limit_and_go_back(fleet: ScaleSimulator) -> None:
    intent = replace(fleet.intent(), params={"factor": 9})
    done = await fleet.action.run(intent, LIVE)
    assert (done.data["from"], done.data["to"], replicas(fleet)) == (3, 8, 8)
    await fleet.action.run(replace(intent, key="k1-undo", undo=True), LIVE)
    assert replicas(fleet) == 3
    assert at(fleet.item(), "metadata", "annotations", "tocsin/scale") is None


async def test_number_that_somebody_changed_stays(fleet: ScaleSimulator) -> None:
    await fleet.action.run(fleet.intent(), LIVE)
    part(fleet.item(), "spec")["replicas"] = 7
    assert (await fleet.action.read_back(fleet.intent())).applied is False
    with pytest.raises(Refusal, match="has 7 replicas, not the 5 it was scaled to"):
        await fleet.action.run(replace(fleet.intent(), key="u", undo=True), LIVE)
    assert replicas(fleet) == 7


async def test_one_incident_at_a_time_scales(fleet: ScaleSimulator) -> None:
    await fleet.action.run(fleet.intent(), LIVE)
    other = replace(fleet.intent(), key="k2", incident_id="i2")
    with pytest.raises(Refusal, match="is scaled for incident i1"):
        await fleet.action.run(other, LIVE)
    with pytest.raises(Refusal, match="not for i2"):
        await fleet.action.run(replace(other, undo=True), LIVE)


async def test_crash_between_the_note_and_the_scaling_is_finished_by_the_retry(fleet: ScaleSimulator) -> None:
    note = json.dumps({"key": "k1", "incident": "i1", "from": 3, "to": 5})
    part(fleet.item(), "metadata")["annotations"] = {"tocsin/scale": note}
    await fleet.action.run(fleet.intent(), LIVE)
    assert replicas(fleet) == 5


async def test_fleet_at_its_limit_is_not_scaled(fleet: ScaleSimulator) -> None:
    part(fleet.item(), "spec")["replicas"] = 8
    with pytest.raises(Refusal, match="has 8 replicas, expected less than 8"):
        await fleet.action.run(fleet.intent(), LIVE)
    with pytest.raises(TargetError, match="replicas -1"):
        await fleet.action.run(replace(fleet.intent(), params={"replicas": -1}), LIVE)


async def test_all_rules_with_the_backend_change_at_once_and_get_back_what_they_had() -> None:
    async with running(RouteSimulator) as route:
        assert isinstance(route, RouteSimulator)
        await route.action.run(route.intent(), LIVE)
        assert (route.weights(), route.writes()) == ([90, 0, None, 0], 1)
        await route.action.run(replace(route.intent(), key="u", undo=True), LIVE)
        assert route.weights() == [90, 10, None, 1]


async def test_weight_that_would_leave_no_traffic_or_that_somebody_set_is_refused() -> None:
    async with running(RouteSimulator) as route:
        assert isinstance(route, RouteSimulator)
        part(route.item(), "spec")["rules"] = [{"backendRefs": [{"name": "chat-v1", "weight": 0}, {"name": "chat-v2"}]}]
        with pytest.raises(Refusal, match="no other backend than chat-v2 has a weight"):
            await route.action.run(route.intent(), LIVE)
        await route.action.run(replace(route.intent(), params={"weight": 5}), LIVE)
        assert route.weights() == [0, 5]
        part(route.item(), "spec")["rules"] = [{"backendRefs": [{"name": "chat-v2", "weight": 7}]}]
        with pytest.raises(Refusal, match="which somebody else set"):
            await route.action.run(replace(route.intent(), key="u", undo=True), LIVE)
        with pytest.raises(Refusal, match="for incident i1"):
            await route.action.run(replace(route.intent(), key="k2", incident_id="i2"), LIVE)
        with pytest.raises(TargetError, match="weight -1"):
            await route.action.run(replace(route.intent(), params={"weight": -1}), LIVE)


async def test_token_is_read_for_each_run_and_a_wrong_one_is_refused(chat: DeploymentSimulator) -> None:
    chat.write_token("an old one")
    with pytest.raises(TargetError, match="answered 401") as caught:
        await chat.action.run(chat.blame("v2"), LIVE)
    assert not caught.value.retryable
    assert "an old one" not in str(caught.value)
    chat.write_token(None)
    with pytest.raises(TargetError, match="expected a readable file"):
        await chat.action.run(chat.blame("v2"), LIVE)


async def test_label_that_is_no_name_of_an_object_is_refused(chat: DeploymentSimulator) -> None:
    for service in ("../secrets", "Chat", "a/b"):
        with pytest.raises(TargetError, match="expected a name of a Kubernetes object"):
            await chat.action.run(replace(chat.blame("v2"), service=service), LIVE)


def test_api_server_is_that_of_the_pods_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(TargetError, match="KUBERNETES_SERVICE_HOST is not set"):
        Cluster().url()
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    assert Cluster().url() == "https://[fd00::1]:6443"


def test_library_that_is_missing_is_named_with_its_extra() -> None:
    with pytest.raises(ValueError, match=r"actions\.scale: needs the library nowhere_to_be.*tocsin\[kubernetes\]"):
        optional("nowhere_to_be_found", extra="kubernetes", kind="scale")


@pytest.mark.parametrize(("make", "word"), [
    (lambda: Cluster("http://10.0.0.1:6443"), "sends a token in plain text"),
    (lambda: Cluster("ftp://x"), r"Cluster.api_url: 'ftp"),
    (lambda: DeploymentRollbackParams("{host}"), r"DeploymentRollbackParams.namespace: '{host}'"),
    (lambda: ScaleParams("a", 0), "ScaleParams.max_replicas: 0"),
    (lambda: ScaleParams("a", 3, factor=0.5), "ScaleParams.factor: 0.5"),
])
def test_params_out_of_range_are_named(make: Callable[[], object], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        make()

"""Simulated clusters: one object per kind of rollback, at a strict fake of the Kubernetes API."""

from __future__ import annotations

import copy
import tempfile
from dataclasses import replace
from pathlib import Path

import aiohttp
from aiohttp import web

from actions.catalogue import ActionParams
from actions.kinds.http import JsonValue
from actions.kinds.kubernetes.argo_rollback import ArgoRollbackParams
from actions.kinds.kubernetes.cluster import Cluster
from actions.kinds.kubernetes.deployment_rollback import DeploymentRollbackParams
from actions.kinds.kubernetes.kserve_rollback import KserveRollbackParams
from actions.kinds.kubernetes.objects import at
from actions.kinds.kubernetes.route_weight import RouteWeightParams
from actions.kinds.kubernetes.scale import ScaleParams
from actions.model import Intent
from tests.actions.simulators.http_target import HttpSimulator
from tests.actions.simulators.kubernetes_api import TOKEN, KubernetesApi, Stored

NAMESPACE = "/apis/{}/namespaces/serving"
DEPLOYMENT = NAMESPACE.format("apps/v1") + "/deployments/chat"
ROLLOUT = NAMESPACE.format("argoproj.io/v1alpha1") + "/rollouts/chat"
ISVC = NAMESPACE.format("serving.kserve.io/v1beta1") + "/inferenceservices/chat"
ROUTE = NAMESPACE.format("gateway.networking.k8s.io/v1") + "/httproutes/chat"
REVISION = NAMESPACE.format("serving.knative.dev/v1") + "/revisions/"
VERSION = "app.kubernetes.io/version"


def template(version: str, extra: dict[str, str] | None = None) -> Stored:
    labels: JsonValue = {"app": "chat", VERSION: version, **(extra or {})}
    return {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": f"chat:{version}"}]}}


def add_workload(api: KubernetesApi, path: str, versions: list[str], revision: str, hash_label: str) -> None:
    """A workload whose newest version is the last of `versions`, each a revision of its own."""
    newest = len(versions)
    api.add(path, {
        "metadata": {"annotations": {revision: str(newest)}},
        "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "chat"}}, "template": template(versions[-1])},
        "status": {"readyReplicas": 3},
    })
    for number, version in enumerate(versions, 1):
        owner: JsonValue = [{"uid": "uid-chat", "controller": True, "kind": "Owner", "name": "chat"}]
        api.add(f"{NAMESPACE.format('apps/v1')}/replicasets/chat-{number}", {
            "metadata": {
                "labels": {"app": "chat", hash_label: f"h{number}"}, "annotations": {revision: str(number)},
                "ownerReferences": owner,
            },
            "spec": {"replicas": 0, "template": template(version, {hash_label: f"h{number}"})},
        })


class ClusterSimulator(HttpSimulator):
    """The object of the action is called chat; an intent on `nobody` names one that does not exist."""

    path = ""

    def __init__(self, base: str, session: aiohttp.ClientSession) -> None:
        self.api = KubernetesApi()
        self._folder = tempfile.TemporaryDirectory()
        self._bearer = Path(self._folder.name) / "bearer"
        self.fill()
        super().__init__(base, session)

    def cluster(self, base: str) -> Cluster:
        self.write_token(TOKEN + "\n")
        return Cluster(base, str(self._bearer), None, request_timeout_s=2.0)

    def write_token(self, text: str | None) -> None:
        self._bearer.unlink(missing_ok=True)
        if text is not None:
            self._bearer.write_text(text, encoding="utf-8")

    def fill(self) -> None:
        raise NotImplementedError

    def item(self) -> Stored:
        return self.api.objects[self.path]

    def state(self) -> object:
        spec = copy.deepcopy(self.item()["spec"])
        status = self.item().get("status")
        return spec, status if isinstance(status, dict) and "abort" in status else None

    async def serve(self, request: web.Request) -> web.StreamResponse:
        return await self.api.serve(request)

    def blame(self, version: str, key: str = "k1", **params: str | float | bool | None) -> Intent:
        return replace(self.intent(), key=key, version=version, params=dict(params))


class DeploymentSimulator(ClusterSimulator):
    kind, path = "deployment_rollback", DEPLOYMENT

    def params(self, base: str) -> ActionParams:
        return DeploymentRollbackParams("serving", cluster=self.cluster(base))

    def fill(self) -> None:
        revision, label = "deployment.kubernetes.io/revision", "pod-template-hash"
        add_workload(self.api, self.path, ["v0", "v1", "v2"], revision, label)


class ArgoSimulator(ClusterSimulator):
    """In the middle of an update from v1 to v2."""

    kind, path = "argo_rollback", ROLLOUT

    def params(self, base: str) -> ActionParams:
        return ArgoRollbackParams("serving", cluster=self.cluster(base))

    def fill(self) -> None:
        revision, label = "rollout.argoproj.io/revision", "rollouts-pod-template-hash"
        add_workload(self.api, self.path, ["v0", "v1", "v2"], revision, label)
        self.item()["status"] = {"stableRS": "h2", "currentPodHash": "h3", "readyReplicas": 3}


class KserveSimulator(ClusterSimulator):
    """A canary of v2 with 20 % of the traffic."""

    kind, path = "kserve_rollback", ISVC

    def params(self, base: str) -> ActionParams:
        return KserveRollbackParams("serving", cluster=self.cluster(base))

    def fill(self) -> None:
        predictor: JsonValue = {"canaryTrafficPercent": 20, "model": {"storageUri": "s3://models/chat/v2"}}
        status: JsonValue = {"latestReadyRevision": "chat-00002", "latestRolledoutRevision": "chat-00001"}
        self.api.add(self.path, {"spec": {"predictor": predictor}, "status": {"components": {"predictor": status}}})
        for number in (1, 2):
            source = "internal.serving.kserve.io/storage-initializer-sourceuri"
            self.api.add(f"{REVISION}chat-0000{number}", {
                "metadata": {"annotations": {source: f"s3://models/chat/v{number}"}},
                "status": {"conditions": [{"type": "Ready", "status": "True"}]},
            })


class ScaleSimulator(ClusterSimulator):
    kind, path = "scale", DEPLOYMENT

    def params(self, base: str) -> ActionParams:
        return ScaleParams("serving", max_replicas=8, cluster=self.cluster(base))

    def fill(self) -> None:
        revision, label = "deployment.kubernetes.io/revision", "pod-template-hash"
        add_workload(self.api, self.path, ["v2"], revision, label)


class RouteSimulator(ClusterSimulator):
    """Two rules; the second leaves the weights out, so each backend counts 1."""

    kind, path = "route_weight", ROUTE

    def params(self, base: str) -> ActionParams:
        return RouteWeightParams("serving", "{service}-{version}", cluster=self.cluster(base))

    def fill(self) -> None:
        first: JsonValue = [{"name": "chat-v1", "weight": 90}, {"name": "chat-v2", "weight": 10}]
        self.api.add(self.path, {
            "spec": {"rules": [{"backendRefs": first}, {"backendRefs": [{"name": "chat-v1"}, {"name": "chat-v2"}]}]},
        })

    def weights(self) -> list[JsonValue]:
        rules = at(self.item(), "spec", "rules")
        assert isinstance(rules, list)
        refs = [at(rule, "backendRefs") for rule in rules]
        return [at(ref, "weight") for part in refs if isinstance(part, list) for ref in part]

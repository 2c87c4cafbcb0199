"""Roll a KServe InferenceService back: its traffic goes to the revision before, or its model to another storage URI.

With revisions (Knative mode) `canaryTrafficPercent: 0` pins all traffic to the last revision that was rolled out before
the present one; that revision must be ready and free of incidents. Without revisions (standard mode) the step names the
storage URI to go back to in `params["to_storage_uri"]`.

Crash: a key runs once. Duplicate: a second run of the same key finds its own note and changes nothing.
Source: KServe documentation 0.16, "Canary rollout strategy".
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actions.base import Bounds, Done, Reading, Refusal, RunContext, TargetError
from actions.kinds.extras import optional
from actions.kinds.http import JsonValue
from actions.kinds.kubernetes.cluster import MERGE_PATCH, Api, Cluster, Object, ObjectName, collection, connected
from actions.kinds.kubernetes.objects import BAD_VERSIONS, at, bad_versions, listed, note, text_at
from actions.model import Intent

if TYPE_CHECKING:
    import aiohttp

GROUP, PLURAL = "serving.kserve.io/v1beta1", "inferenceservices"
REVISIONS = ("serving.knative.dev/v1", "revisions")
MODE = "serving.kserve.io/deploymentMode"
SOURCE = "internal.serving.kserve.io/storage-initializer-sourceuri"
NOTE = "tocsin/rollback"


@dataclass(frozen=True, slots=True)
class KserveRollbackParams:
    """namespace, name: templates of the InferenceService. version_label: its label that holds the version which
    telemetry names; without it the last part of the storage URI counts. Raises `ValueError`.
    """

    namespace: str
    name: str = "{service}"
    version_label: str = "app.kubernetes.io/version"
    cluster: Cluster = field(default_factory=Cluster)
    bounds: Bounds = field(default_factory=lambda: Bounds(timeout_s=30.0))

    def __post_init__(self) -> None:
        ObjectName(self.namespace, self.name).check("KserveRollbackParams")

    def build(self, _session: aiohttp.ClientSession) -> KserveRollback:
        """The action. Raises `UnusableAction` without the extra `kubernetes`."""
        return KserveRollback(self)


class KserveRollback:
    """See the module."""

    kind = "kserve_rollback"
    reversible = False
    holds = True

    def __init__(self, params: KserveRollbackParams) -> None:
        self._library = optional("kubernetes_asyncio.client", extra="kubernetes", kind=self.kind)
        self._cluster = params.cluster
        self._name = ObjectName(params.namespace, params.name)
        self._label = params.version_label
        self.bounds = params.bounds

    async def run(self, intent: Intent, ctx: RunContext) -> Done:
        """Check, patch, read back. Raises `TargetError`, and `Refusal` if another version is served or no good one is
        left.
        """
        path = self._name.path(intent, GROUP, PLURAL)
        async with connected(self._library, self._cluster) as api:
            item = await api.get(path)
            if note(item, NOTE).get("key") == intent.key:
                reading = _reading(item, intent, path)
                if not reading.applied:
                    raise Refusal(f"{reading.detail}: somebody changed it after this rollback")
                return Done(f"{path} is rolled back to {note(item, NOTE).get('to')}")
            change, goal = await self._change(api, item, intent, path)
            if ctx.dry_run:
                return Done(f"would roll {path} back from {intent.version} to {goal}")
            await api.patch(path, self._patch(item, intent, change, goal), MERGE_PATCH)
            reading = _reading(await api.get(path), intent, path)
        if not reading.applied:
            raise TargetError(f"{reading.detail} after it was rolled back to {goal}", retryable=True)
        return Done(f"{path} rolled back to {goal}", {"from_version": intent.version, "to": goal})

    async def read_back(self, intent: Intent) -> Reading:
        """Whether the rollback of this key is still in force. Raises `TargetError`."""
        path = self._name.path(intent, GROUP, PLURAL)
        async with connected(self._library, self._cluster) as api:
            return _reading(await api.get(path), intent, path)

    async def _change(self, api: Api, item: Object, intent: Intent, path: str) -> tuple[Object, str]:
        """What to change of the predictor, and the revision or URI that is served then."""
        current = self._version(item, text_at(item, "spec", "predictor", "model", "storageUri"))
        if intent.version is None or current != intent.version:
            raise Refusal(f"{path} is version {current}, not the suspected {intent.version}")
        bad = bad_versions(item) | listed(intent.params.get("bad_versions")) | {intent.version}
        uri = intent.params.get("to_storage_uri")
        if uri is not None:
            if _last_part(str(uri)) in bad:
                raise Refusal(f"{path}: {uri} was asked for, but its version raised an incident itself")
            return {"model": {"storageUri": str(uri)}}, str(uri)
        revision = _revision_before(item, path)
        namespace = text_at(item, "metadata", "namespace")
        found = await api.get(f"{collection(REVISIONS[0], namespace, REVISIONS[1])}/{revision}")
        version = self._version(found, text_at(found, "metadata", "annotations", SOURCE))
        if version in bad:
            raise Refusal(f"{path}: revision {revision} has version {version}, which raised an incident itself")
        if not _is_ready(found):
            raise Refusal(f"{path}: revision {revision} is not ready")
        return {"canaryTrafficPercent": 0}, revision

    def _version(self, item: Object, uri: str | None) -> str | None:
        return text_at(item, "metadata", "labels", self._label) or _last_part(uri)

    def _patch(self, item: Object, intent: Intent, change: Object, goal: str) -> JsonValue:
        text = json.dumps({"key": intent.key, "incident": intent.incident_id, "to": goal, "change": change})
        bad = ",".join(sorted(bad_versions(item) | {str(intent.version)}))
        annotations: Object = {NOTE: text, BAD_VERSIONS: bad}
        version = text_at(item, "metadata", "resourceVersion")
        return {
            "metadata": {"resourceVersion": version, "annotations": annotations}, "spec": {"predictor": change},
        }


def _revision_before(item: Object, path: str) -> str:
    """The revision that all traffic goes to with a canary of 0 %, as KServe chooses it. Raises `Refusal`."""
    if text_at(item, "metadata", "annotations", MODE) in ("RawDeployment", "Standard"):
        raise Refusal(f"{path} has no revisions in standard mode, expected params.to_storage_uri")
    status = at(item, "status", "components", "predictor")
    rolled_out, latest = text_at(status, "latestRolledoutRevision"), text_at(status, "latestReadyRevision")
    before = rolled_out if rolled_out != latest else text_at(status, "previousRolledoutRevision")
    if before is None:
        raise Refusal(f"{path} has no revision before {latest} to go back to")
    return before


def _is_ready(revision: Object) -> bool:
    conditions = at(revision, "status", "conditions")
    return isinstance(conditions, list) and any(
        text_at(one, "type") == "Ready" and text_at(one, "status") == "True" for one in conditions
    )


def _reading(item: Object, intent: Intent, path: str) -> Reading:
    done, predictor = note(item, NOTE), at(item, "spec", "predictor")
    percent, uri = at(predictor, "canaryTrafficPercent"), text_at(predictor, "model", "storageUri")
    change = done.get("change")
    is_pinned = at(change, "canaryTrafficPercent") == 0 and percent == 0
    is_moved = text_at(change, "model", "storageUri") is not None and text_at(change, "model", "storageUri") == uri
    applied = done.get("key") == intent.key and (is_pinned or is_moved)
    return Reading(applied, f"{path} has a canary of {percent} % and the model {uri}")


def _last_part(uri: str | None) -> str | None:
    return uri.rstrip("/").rpartition("/")[2] or None if uri else None

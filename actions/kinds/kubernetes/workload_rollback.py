"""Roll a Deployment or an Argo Rollout back: its pod template becomes that of the last known good revision.

The workload must run the version that the intent names. One patch sets the template, marks the bad version and notes
the key; it fails if the workload changed since it was read, and is then decided anew. The workload is read back.

Crash: a key runs once. Duplicate: a second run of the same key finds its own note and changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import ModuleType

from actions.base import Done, Reading, Refusal, RunContext, TargetError
from actions.kinds.kubernetes.cluster import JSON_PATCH, Api, Cluster, Object, ObjectName, collection, connected
from actions.kinds.kubernetes.objects import BAD_VERSIONS, annotate, at, bad_versions, listed, note, text_at, version_of
from actions.kinds.kubernetes.revisions import Revision, Workload, last_good, revisions_of, selector_of
from actions.model import Intent

NOTE = "tocsin/rollback"


class WorkloadRollback:
    """The steps of a rollback. A subclass may act on the workload before its template changes."""

    kind = ""
    reversible = False
    holds = True

    def __init__(
        self, library: ModuleType, cluster: Cluster, workload: Workload, name: ObjectName, version_label: str,
    ) -> None:
        self._library = library
        self._cluster = cluster
        self._workload = workload
        self._name = name
        self._label = version_label

    async def run(self, intent: Intent, ctx: RunContext) -> Done:
        """Choose, patch, read back. Raises `TargetError`, and `Refusal` if another version runs or no good one is kept.
        """
        path = self._path(intent)
        async with connected(self._library, self._cluster) as api:
            item = await api.get(path)
            if note(item, NOTE).get("key") == intent.key:
                reading = self._reading(item, intent, path)
                if not reading.applied:
                    raise Refusal(f"{reading.detail}: somebody changed it after this rollback")
                return _done(path, note(item, NOTE))
            self._check(item, intent, path)
            good = await self._choose(api, item, intent, path)
            data = {"key": intent.key, "incident": intent.incident_id, "from": intent.version, "to": good.version}
            if ctx.dry_run:
                return Done(f"would roll {path} back from {intent.version} to {good.version} (revision {good.number})")
            await self.prepare(api, path, item)
            await self._restore(api, path, item, intent, good)
            reading = self._reading(await api.get(path), intent, path)
        if not reading.applied:
            raise TargetError(f"{reading.detail} after it was set to {good.version}", retryable=True)
        return _done(path, data)

    async def read_back(self, intent: Intent) -> Reading:
        """Whether the workload still has the template that this key gave it. Raises `TargetError`."""
        path = self._path(intent)
        async with connected(self._library, self._cluster) as api:
            return self._reading(await api.get(path), intent, path)

    async def prepare(self, api: Api, path: str, item: Object) -> None:
        """What comes before the template changes; must be harmless when repeated. Raises `TargetError`."""

    def _path(self, intent: Intent) -> str:
        return self._name.path(intent, self._workload.group, self._workload.plural)

    def _check(self, item: Object, intent: Intent, path: str) -> None:
        """The checkpoint before: the workload runs the suspected version and can be changed."""
        if not isinstance(at(item, "spec", "template"), dict):
            raise Refusal(f"{path} has no pod template of its own, expected one to roll back")
        if at(item, "spec", "paused") is True:
            raise Refusal(f"{path} is paused, expected it to be resumed before a rollback")
        current = version_of(at(item, "spec", "template"), self._label)
        if intent.version is None or current != intent.version:
            raise Refusal(f"{path} runs version {current}, not the suspected {intent.version}")

    async def _choose(self, api: Api, item: Object, intent: Intent, path: str) -> Revision:
        selector = selector_of(item)
        if selector is None:
            raise Refusal(f"{path} has no selector of labels alone, so its revisions cannot be listed")
        namespace = text_at(item, "metadata", "namespace")
        answer = await api.get(collection("apps/v1", namespace, "replicasets"), {"labelSelector": selector})
        revisions = revisions_of(item, answer.get("items"), self._workload, self._label)
        bad = bad_versions(item) | listed(intent.params.get("bad_versions")) | {str(intent.version)}
        asked = intent.params.get("to_version")
        wanted = None if asked is None else str(asked)
        return last_good(revisions, bad, text_at(item, "status", "stableRS"), wanted, path)

    async def _restore(self, api: Api, path: str, item: Object, intent: Intent, good: Revision) -> None:
        latest = await api.get(path)
        if latest.get("spec") != item.get("spec"):
            raise TargetError(f"{path} changed meanwhile", retryable=True)
        text = json.dumps(
            {"key": intent.key, "incident": intent.incident_id, "from": intent.version, "to": good.version}
        )
        bad = ",".join(sorted(bad_versions(latest) | {str(intent.version)}))
        patch = annotate(latest, {NOTE: text, BAD_VERSIONS: bad})
        patch.append({"op": "replace", "path": "/spec/template", "value": good.template})
        await api.patch(path, patch, JSON_PATCH)

    def _reading(self, item: Object, intent: Intent, path: str) -> Reading:
        done = note(item, NOTE)
        current = version_of(at(item, "spec", "template"), self._label)
        applied = done.get("key") == intent.key and current is not None and current == done.get("to")
        ready = f"{at(item, 'status', 'readyReplicas') or 0} of {at(item, 'spec', 'replicas')} replicas ready"
        return Reading(applied, f"{path} runs version {current}, {ready}")


def _done(path: str, data: Mapping[str, object]) -> Done:
    detail = f"{path} rolled back from {data.get('from')} to {data.get('to')}"
    return Done(detail, {"from_version": str(data.get("from")), "to_version": str(data.get("to"))})

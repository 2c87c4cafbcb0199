"""Scale a Kubernetes Deployment out, by its scale sub-resource; the undo sets the number of replicas of before.

The Deployment is annotated with the number of before and after, so that the undo needs no memory of its own. If an
autoscaler or a person has changed the number meanwhile, the undo is refused. One incident at a time scales a
Deployment.

Crash: a key runs once. Duplicate: a second run of the same key sets the number that the first one noted.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actions.base import Bounds, Done, Reading, Refusal, RunContext, TargetError
from actions.kinds.extras import optional
from actions.kinds.http import JsonValue
from actions.kinds.kubernetes.cluster import JSON_PATCH, MERGE_PATCH, Api, Cluster, Object, ObjectName, connected
from actions.kinds.kubernetes.objects import annotate, at, note, text_at
from actions.kinds.kubernetes.revisions import DEPLOYMENT
from actions.model import Intent
from actions.validation import check_number

if TYPE_CHECKING:
    import aiohttp

NOTE = "tocsin/scale"
POINTER = "/metadata/annotations/tocsin~1scale"


@dataclass(frozen=True, slots=True)
class ScaleParams:
    """namespace, name: templates of the Deployment. max_replicas: never more, 1 to 10,000. factor: the number of
    replicas grows by it, rounded up, 1 to 10; a step's `params["factor"]` or `params["replicas"]` overrides it. Raises
    `ValueError`.
    """

    namespace: str
    max_replicas: int
    name: str = "{service}"
    factor: float = 1.5
    cluster: Cluster = field(default_factory=Cluster)
    bounds: Bounds = field(default_factory=lambda: Bounds(timeout_s=30.0))

    def __post_init__(self) -> None:
        ObjectName(self.namespace, self.name).check("ScaleParams")
        check_number(self, "max_replicas", 1, 10_000)
        check_number(self, "factor", 1.0, 10.0)

    def build(self, _session: aiohttp.ClientSession) -> Scale:
        """The action. Raises `UnusableAction` without the extra `kubernetes`."""
        return Scale(self)


class Scale:
    """See the module."""

    kind = "scale"
    reversible = True
    holds = True

    def __init__(self, params: ScaleParams) -> None:
        self._library = optional("kubernetes_asyncio.client", extra="kubernetes", kind=self.kind)
        self._params = params
        self._name = ObjectName(params.namespace, params.name)
        self.bounds = params.bounds

    async def run(self, intent: Intent, ctx: RunContext) -> Done:
        """Note, scale, read back; or scale back and remove the note. Raises `TargetError`, and `Refusal` if somebody
        else has changed the number of replicas.
        """
        path = self._name.path(intent, DEPLOYMENT.group, DEPLOYMENT.plural)
        async with connected(self._library, self._params.cluster) as api:
            item = await api.get(path)
            now = await _replicas(api, path)
            if intent.undo:
                return await self._undo(api, path, item, now, intent, ctx)
            done = note(item, NOTE)
            if done and done.get("key") != intent.key:
                raise Refusal(f"{path} is scaled for incident {done.get('incident')}, expected one incident at a time")
            before, goal = (_int(done, "from"), _int(done, "to")) if done else (now, self._goal(intent, now, path))
            if ctx.dry_run:
                return Done(f"would scale {path} from {before} to {goal} replicas")
            if not done:
                text = json.dumps({"key": intent.key, "incident": intent.incident_id, "from": before, "to": goal})
                await api.patch(path, annotate(item, {NOTE: text}), JSON_PATCH)
            await _set(api, path, goal)
            return Done(f"{path} scaled from {before} to {goal} replicas", {"from": before, "to": goal})

    async def read_back(self, intent: Intent) -> Reading:
        """Whether the Deployment has the number of replicas that this incident asked for. Raises `TargetError`."""
        path = self._name.path(intent, DEPLOYMENT.group, DEPLOYMENT.plural)
        async with connected(self._library, self._params.cluster) as api:
            done = note(await api.get(path), NOTE)
            now = await _replicas(api, path)
        applied = done.get("incident") == intent.incident_id and done.get("to") == now
        return Reading(applied, f"{path} has {now} replicas")

    async def _undo(self, api: Api, path: str, item: Object, now: int, intent: Intent, ctx: RunContext) -> Done:
        done = note(item, NOTE)
        if not done:
            return Done(f"{path} is not scaled, so there is nothing to undo")
        if done.get("incident") != intent.incident_id:
            raise Refusal(f"{path} is scaled for incident {done.get('incident')}, not for {intent.incident_id}")
        before, goal = _int(done, "from"), _int(done, "to")
        if now not in (before, goal):
            raise Refusal(f"{path} has {now} replicas, not the {goal} it was scaled to: it stays as it is")
        if ctx.dry_run:
            return Done(f"would scale {path} back from {now} to {before} replicas")
        await _set(api, path, before)
        remove: list[JsonValue] = [*annotate(await api.get(path), {}), {"op": "remove", "path": POINTER}]
        await api.patch(path, remove, JSON_PATCH)
        return Done(f"{path} scaled back from {now} to {before} replicas", {"from": now, "to": before})

    def _goal(self, intent: Intent, now: int, path: str) -> int:
        wanted, factor = intent.params.get("replicas"), intent.params.get("factor", self._params.factor)
        for name, value in (("replicas", wanted), ("factor", factor)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or value < 1):
                raise TargetError(f"scale: {name} {value!r}, expected a number from 1", retryable=False)
        goal = float(wanted) if wanted is not None else now * float(factor or 1)
        goal_replicas = min(self._params.max_replicas, math.ceil(goal))
        if goal_replicas <= now:
            expected = f"less than {goal_replicas} (max_replicas {self._params.max_replicas})"
            raise Refusal(f"{path} has {now} replicas, expected {expected}")
        return goal_replicas


async def _replicas(api: Api, path: str) -> int:
    return _int(at(await api.get(f"{path}/scale"), "spec"), "replicas")


async def _set(api: Api, path: str, replicas: int) -> None:
    """Set the number of replicas and read it back. Raises `TargetError`."""
    scale = await api.get(f"{path}/scale")
    version = text_at(scale, "metadata", "resourceVersion")
    body: JsonValue = {"metadata": {"resourceVersion": version}, "spec": {"replicas": replicas}}
    await api.patch(f"{path}/scale", body, MERGE_PATCH)
    found = await _replicas(api, path)
    if found != replicas:
        raise TargetError(f"{path} has {found} replicas after {replicas} were set", retryable=True)


def _int(value: object, name: str) -> int:
    # Kubernetes leaves out a number that is 0.
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, int) else 0

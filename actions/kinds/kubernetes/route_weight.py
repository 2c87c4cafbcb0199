"""Give a backend another weight in an HTTPRoute of the Gateway API; the undo sets the weights of before.

All rules of the route that name the backend change in one patch, which also notes the weights of before, so that the
undo needs no memory of its own. A change that would leave a rule without any traffic is refused. If somebody else has
changed a weight meanwhile, the undo is refused. One incident at a time changes a route.

Crash: a key runs once. Duplicate: a second run of the same key finds its own note and changes nothing.
Source: Gateway API 1 reference, "HTTPRoute" and "HTTPBackendRef" (weight: 1 where it is not given, 0 for no traffic).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actions.base import Bounds, Done, Reading, Refusal, RunContext, TargetError
from actions.kinds.extras import optional
from actions.kinds.http import JsonValue
from actions.kinds.kubernetes.cluster import JSON_PATCH, Cluster, Object, ObjectName, connected
from actions.kinds.kubernetes.objects import annotate, at, note, text_at
from actions.model import Intent
from actions.playbooks.playbook import TARGET_FIELDS, check_template, render
from actions.validation import check_number

if TYPE_CHECKING:
    import aiohttp

GROUP, PLURAL = "gateway.networking.k8s.io/v1", "httproutes"
NOTE = "tocsin/weight"
POINTER = "/metadata/annotations/tocsin~1weight"
WEIGHT_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class RouteWeightParams:
    """namespace, name: templates of the HTTPRoute. backend: template of the backend's service. weight: to set, 0 to
    1,000,000; a step's `params["weight"]` overrides it. Raises `ValueError`.
    """

    namespace: str
    backend: str
    name: str = "{service}"
    weight: int = 0
    cluster: Cluster = field(default_factory=Cluster)
    bounds: Bounds = field(default_factory=lambda: Bounds(timeout_s=30.0))

    def __post_init__(self) -> None:
        ObjectName(self.namespace, self.name).check("RouteWeightParams")
        check_template("RouteWeightParams.backend", self.backend, TARGET_FIELDS)
        check_number(self, "weight", 0, WEIGHT_MAX)

    def build(self, _session: aiohttp.ClientSession) -> RouteWeight:
        """The action. Raises `UnusableAction` without the extra `kubernetes`."""
        return RouteWeight(self)


class RouteWeight:
    """See the module."""

    kind = "route_weight"
    reversible = True
    holds = True

    def __init__(self, params: RouteWeightParams) -> None:
        self._library = optional("kubernetes_asyncio.client", extra="kubernetes", kind=self.kind)
        self._params = params
        self._name = ObjectName(params.namespace, params.name)
        self.bounds = params.bounds

    async def run(self, intent: Intent, ctx: RunContext) -> Done:
        """Patch weights and note, read back. Raises `TargetError`, and `Refusal` if the route is not what the decision
        assumed.
        """
        path, backend = self._name.path(intent, GROUP, PLURAL), self._backend(intent)
        async with connected(self._library, self._params.cluster) as api:
            item = await api.get(path)
            done, weights = note(item, NOTE), _weights(item, backend)
            if intent.undo and not done:
                return Done(f"{path} was not changed, so there is nothing to undo")
            if not intent.undo and done.get("key") == intent.key and _is_in_force(done, weights):
                return Done(f"{path}: {backend} has the weight {done.get('weight')}")
            wanted = _before(path, done, weights, intent) if intent.undo else self._wanted(path, item, backend, intent)
            detail = f"{path}: {backend} set from {sorted(set(weights.values()))} to {sorted(set(wanted.values()))}"
            if ctx.dry_run:
                return Done(f"would be: {detail}")
            text = json.dumps({
                "key": intent.key, "incident": intent.incident_id, "backend": backend, "before": weights,
                "weight": next(iter(wanted.values())),
            })
            patch = annotate(item, {} if intent.undo else {NOTE: text})
            patch += [{"op": "add", "path": place, "value": weight} for place, weight in wanted.items()]
            if intent.undo:
                patch.append({"op": "remove", "path": POINTER})
            await api.patch(path, patch, JSON_PATCH)
            found = _weights(await api.get(path), backend)
        if found != wanted:
            raise TargetError(f"{path}: {backend} has {found} after {wanted} were set", retryable=True)
        return Done(detail, {"backend": backend})

    async def read_back(self, intent: Intent) -> Reading:
        """Whether the backend has the weight that this incident gave it. Raises `TargetError`."""
        path, backend = self._name.path(intent, GROUP, PLURAL), self._backend(intent)
        async with connected(self._library, self._params.cluster) as api:
            item = await api.get(path)
        done, weights = note(item, NOTE), _weights(item, backend)
        applied = done.get("incident") == intent.incident_id and _is_in_force(done, weights)
        return Reading(applied, f"{path}: {backend} has the weights {sorted(weights.values())}")

    def _backend(self, intent: Intent) -> str:
        found = render(self._params.backend, {name: getattr(intent, name) for name in TARGET_FIELDS})
        if found is None:
            message = f"route_weight of {intent.target}: the intent lacks a value for {self._params.backend}"
            raise TargetError(message, retryable=False)
        return found

    def _wanted(self, path: str, item: Object, backend: str, intent: Intent) -> dict[str, int]:
        weight = intent.params.get("weight", self._params.weight)
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= WEIGHT_MAX:
            expected = f"a number from 0 to {WEIGHT_MAX}"
            raise TargetError(f"route_weight: weight {weight!r}, expected {expected}", retryable=False)
        done = note(item, NOTE)
        if done:
            raise Refusal(f"{path} is changed for incident {done.get('incident')}, expected one incident at a time")
        places = _weights(item, backend)
        if not places:
            raise TargetError(f"{path} has no backend {backend}", retryable=False)
        for rule in {place.partition("/backendRefs/")[0] for place in places}:
            others = [other for place, name, other in _refs(item) if place.startswith(f"{rule}/") and name != backend]
            if weight == 0 and not any(others):
                raise Refusal(f"{path}{rule}: no other backend than {backend} has a weight, so nothing would serve")
        return dict.fromkeys(places, int(weight))


def _refs(item: Object) -> Iterator[tuple[str, str | None, int]]:
    """Place of the weight as a JSON pointer, name and weight of each backend of a route."""
    rules = at(item, "spec", "rules")
    for number, rule in enumerate(rules if isinstance(rules, list) else []):
        refs = at(rule, "backendRefs")
        for index, ref in enumerate(refs if isinstance(refs, list) else []):
            weight = at(ref, "weight")
            place = f"/spec/rules/{number}/backendRefs/{index}/weight"
            yield place, text_at(ref, "name"), weight if isinstance(weight, int) else 1


def _weights(item: Object, backend: str) -> dict[str, int]:
    return {place: weight for place, name, weight in _refs(item) if name == backend}


def _is_in_force(done: Mapping[str, JsonValue], weights: Mapping[str, int]) -> bool:
    return bool(weights) and all(weight == done.get("weight") for weight in weights.values())


def _before(
    path: str, done: Mapping[str, JsonValue], weights: Mapping[str, int], intent: Intent,
) -> dict[str, int]:
    if done.get("incident") != intent.incident_id:
        raise Refusal(f"{path} is changed for incident {done.get('incident')}, not for {intent.incident_id}")
    before = done.get("before")
    if not isinstance(before, dict) or before.keys() != weights.keys() or not _is_in_force(done, weights):
        raise Refusal(f"{path} has the weights {sorted(weights.values())}, which somebody else set: it stays as it is")
    return {place: weight for place, weight in before.items() if isinstance(weight, int)}

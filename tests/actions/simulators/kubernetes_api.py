"""A strict fake of a Kubernetes API server, for the paths that the actions use.

It follows the documents "Kubernetes API Concepts" and "API conventions": a bearer token, `Status` objects for faults,
JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7386) by content type, 415 for any other, 409 for a resource version
that is not the newest, sub-resources that change nothing but their part. A path that it does not know is 404.
"""

from __future__ import annotations

import copy
import json
import re

from aiohttp import web

from actions.kinds.http import JsonValue

TOKEN = "the-token-of-the-pod"
Stored = dict[str, JsonValue]
QUERIES = {"labelSelector", "fieldManager"}


class ApiFault(Exception):  # noqa: N818  it is an answer
    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.body = {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
            "reason": reason, "code": code,
        }
        self.code = code


class KubernetesApi:
    """objects: by path. with_status, with_scale: kinds of objects that have the sub-resource. races: before so many of
    the next patches somebody else changes the object. patches: what was sent.
    """

    def __init__(self) -> None:
        self.objects: dict[str, Stored] = {}
        self.with_status = {"deployments", "rollouts", "inferenceservices"}
        self.with_scale = {"deployments", "rollouts"}
        self.version = 100
        self.races = 0
        self.patches: list[tuple[str, JsonValue]] = []

    def add(self, path: str, item: Stored) -> None:
        self.version += 1
        metadata = item.setdefault("metadata", {})
        assert isinstance(metadata, dict)
        namespace = re.search(r"/namespaces/([^/]+)/", path)
        assert namespace is not None
        name = path.rpartition("/")[2]
        metadata.update({"name": name, "namespace": namespace.group(1), "resourceVersion": str(self.version)})
        metadata.setdefault("uid", f"uid-{name}")
        self.objects[path] = item

    async def serve(self, request: web.Request) -> web.StreamResponse:
        try:
            return web.json_response(await self._answer(request))
        except ApiFault as fault:
            return web.json_response(fault.body, status=fault.code)

    async def _answer(self, request: web.Request) -> JsonValue:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise ApiFault(401, "Unauthorized", "Unauthorized")
        if not set(request.query) <= QUERIES:
            raise ApiFault(400, "BadRequest", f"unknown query parameters in {request.query_string}")
        if request.method == "GET":
            return self._get(request.path, request.query.get("labelSelector"))
        if request.method != "PATCH":
            raise ApiFault(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
        return self._patch(request.path, request.content_type, await request.text())

    def _get(self, path: str, selector: str | None) -> JsonValue:
        if path.endswith("/replicasets"):
            found = [one for at, one in self.objects.items() if at.startswith(f"{path}/") and _fits(one, selector)]
            return {"kind": "ReplicaSetList", "apiVersion": "apps/v1", "metadata": {}, "items": [*found]}
        if path.endswith("/scale"):
            return self._scale(self._found(path.removesuffix("/scale"), path, self.with_scale))
        if path.endswith("/status"):
            return self._found(path.removesuffix("/status"), path, self.with_status)
        return self._found(path, path, None)

    def _found(self, path: str, asked: str, plurals: set[str] | None) -> Stored:
        item = self.objects.get(path)
        if item is None or (plurals is not None and path.rpartition("/")[0].rpartition("/")[2] not in plurals):
            raise ApiFault(404, "NotFound", f"{asked} not found")
        return item

    def _patch(self, path: str, content_type: str, text: str) -> JsonValue:
        target = re.sub(r"/(scale|status)$", "", path)
        part = path.removeprefix(target).strip("/")
        plurals = {"scale": self.with_scale, "status": self.with_status}.get(part)
        before = self._found(target, path, plurals)
        if self.races:
            self.races -= 1
            self._bump(before)
        shown: JsonValue = self._scale(before) if part == "scale" else before
        after = _patched(shown, content_type, text)
        self.patches.append((path, json.loads(text)))
        wanted = after["metadata"]
        assert isinstance(wanted, dict)
        if wanted.get("resourceVersion") != before["metadata"]["resourceVersion"]:  # type: ignore[index,call-overload]
            raise ApiFault(409, "Conflict", "the object has been modified; please apply your changes to the latest")
        self._store(target, part, before, after)
        self._bump(self.objects[target])
        return self._get(path, None)

    def _store(self, target: str, part: str, before: Stored, after: Stored) -> None:
        changed = copy.deepcopy(before)
        if part == "scale":
            changed["spec"]["replicas"] = after["spec"]["replicas"]  # type: ignore[index,call-overload]
        elif part == "status":
            changed["status"] = after.get("status")
        else:
            plural = target.rpartition("/")[0].rpartition("/")[2]
            changed = after
            if plural in self.with_status:
                changed["status"] = before.get("status")
        self.objects[target] = changed

    def _bump(self, item: Stored) -> None:
        self.version += 1
        item["metadata"]["resourceVersion"] = str(self.version)  # type: ignore[index,call-overload]

    @staticmethod
    def _scale(item: Stored) -> Stored:
        metadata, spec = item["metadata"], item["spec"]
        assert isinstance(metadata, dict)
        assert isinstance(spec, dict)
        kept = {name: metadata[name] for name in ("name", "namespace", "uid", "resourceVersion")}
        return {
            "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": kept,
            "spec": {"replicas": spec["replicas"]}, "status": {"replicas": spec["replicas"]},
        }


def _fits(item: Stored, selector: str | None) -> bool:
    metadata = item["metadata"]
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    assert isinstance(labels, dict)
    return all(labels.get(part.partition("=")[0]) == part.partition("=")[2] for part in (selector or "").split(","))


def _patched(item: JsonValue, content_type: str, text: str) -> Stored:
    try:
        body = json.loads(text)
    except ValueError:
        raise ApiFault(400, "BadRequest", "error decoding patch") from None
    if content_type == "application/merge-patch+json":
        merged = _merged(item, body)
        assert isinstance(merged, dict)
        return merged
    if content_type != "application/json-patch+json":
        raise ApiFault(415, "UnsupportedMediaType", f"the body of the request was in an unknown format: {content_type}")
    if not isinstance(body, list):
        raise ApiFault(400, "BadRequest", "error decoding patch: expected a list of operations")
    changed = copy.deepcopy(item)
    assert isinstance(changed, dict)
    for operation in body:
        _operate(changed, operation)
    return changed


def _merged(item: JsonValue, patch: JsonValue) -> JsonValue:
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged = copy.deepcopy(item) if isinstance(item, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged


def _operate(item: JsonValue, operation: dict[str, JsonValue]) -> None:
    path = [part.replace("~1", "/").replace("~0", "~") for part in str(operation["path"]).split("/")[1:]]
    for name in path[:-1]:
        if isinstance(item, list):
            item = item[int(name)] if name.isdecimal() and int(name) < len(item) else None
        else:
            item = item.get(name) if isinstance(item, dict) else None
    last = path[-1]
    if not isinstance(item, dict) or (operation["op"] in ("replace", "remove") and last not in item):
        raise ApiFault(422, "Invalid", f"the server rejected our request: no {operation['path']}")
    if operation["op"] in ("add", "replace"):
        item[last] = copy.deepcopy(operation["value"])
    elif operation["op"] == "remove":
        del item[last]
    else:
        raise ApiFault(422, "Invalid", f"unknown operation {operation['op']}")

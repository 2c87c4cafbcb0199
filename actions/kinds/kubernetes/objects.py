"""Reading of Kubernetes objects, and the note that an action leaves on one. Pure functions over JSON.

The note is an annotation: what was done, by which key and for which incident. By it a second run knows the first, and
a reading tells whether it is still in force. It is written in the same patch as the change itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from actions.kinds.http import JsonValue
from actions.kinds.kubernetes.cluster import Object

BAD_VERSIONS = "tocsin/bad-versions"
"""The annotation with the versions that raised an incident, with commas."""


def at(value: JsonValue, *path: str) -> JsonValue:
    """The value at a path of fields; None where there is none."""
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def text_at(value: JsonValue, *path: str) -> str | None:
    """The text at a path of fields; None for anything else."""
    found = at(value, *path)
    return found if isinstance(found, str) else None


def note(item: Object, name: str) -> Mapping[str, JsonValue]:
    """The note of an action on an object; empty without one."""
    text = text_at(item, "metadata", "annotations", name)
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def bad_versions(item: Object) -> frozenset[str]:
    """The versions that an earlier rollback of this object marked as bad."""
    return listed(text_at(item, "metadata", "annotations", BAD_VERSIONS))


def listed(text: JsonValue) -> frozenset[str]:
    """The items of a list with commas, as a step's parameters give one.

    >>> sorted(listed("v2, v3"))
    ['v2', 'v3']
    """
    return frozenset(part.strip() for part in str(text or "").split(",") if part.strip())


def annotate(item: Object, values: Mapping[str, str]) -> list[JsonValue]:
    """Operations of a JSON patch that set annotations, and that fail with 409 if the object changed since it was read.
    """
    version = text_at(item, "metadata", "resourceVersion")
    patch: list[JsonValue] = [{"op": "replace", "path": "/metadata/resourceVersion", "value": version}]
    if not isinstance(at(item, "metadata", "annotations"), dict):
        patch.append({"op": "add", "path": "/metadata/annotations", "value": {}})
    for name, value in values.items():
        path = "/metadata/annotations/" + name.replace("~", "~0").replace("/", "~1")
        patch.append({"op": "add", "path": path, "value": value})
    return patch


def version_of(template: JsonValue, label: str) -> str | None:
    """The version of a pod template: its label, or else the tag of its first container's image.

    >>> version_of({"spec": {"containers": [{"image": "registry:5000/chat:v2"}]}}, "version")
    'v2'
    """
    labelled = text_at(template, "metadata", "labels", label)
    containers = at(template, "spec", "containers")
    if labelled is not None or not isinstance(containers, list) or not containers:
        return labelled
    name = (text_at(containers[0], "image") or "").partition("@")[0].rpartition("/")[2]
    return name.partition(":")[2] or None

"""The revisions of a Deployment or Rollout, and which of them is the last known good one. Pure functions.

A revision is a ReplicaSet that the workload owns. One is not chosen if its version raised an incident: by the intent,
by the step's `params["bad_versions"]`, or by the mark that an earlier rollback left on the workload.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from actions.base import Refusal
from actions.kinds.http import JsonValue
from actions.kinds.kubernetes.cluster import Object
from actions.kinds.kubernetes.objects import at, text_at, version_of


@dataclass(frozen=True, slots=True)
class Workload:
    """A kind of object that owns ReplicaSets. group: API group and version. revision: the annotation with the number of
    a revision. hash_label: the label that its controller adds to the pods of a revision.
    """

    group: str
    plural: str
    revision: str
    hash_label: str


DEPLOYMENT = Workload("apps/v1", "deployments", "deployment.kubernetes.io/revision", "pod-template-hash")
ROLLOUT = Workload(
    "argoproj.io/v1alpha1", "rollouts", "rollout.argoproj.io/revision", "rollouts-pod-template-hash",
)


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision. template: of its pods, without the label of its hash."""

    number: int
    version: str | None
    hash: str | None
    template: Object


def selector_of(item: Object) -> str | None:
    """The workload's label selector as a query; None where it has expressions other than `In` and `Exists`."""
    labels = at(item, "spec", "selector", "matchLabels")
    parts = [f"{name}={value}" for name, value in labels.items()] if isinstance(labels, dict) else []
    expressions = at(item, "spec", "selector", "matchExpressions")
    return ",".join(parts) if parts and not expressions else None


def revisions_of(item: Object, replica_sets: JsonValue, workload: Workload, label: str) -> list[Revision]:
    """The revisions of a workload, of a list of ReplicaSets, newest first."""
    uid = text_at(item, "metadata", "uid")
    found = []
    for one in replica_sets if isinstance(replica_sets, list) else []:
        number = text_at(one, "metadata", "annotations", workload.revision)
        template = at(one, "spec", "template")
        if not _owned(one, uid) or not isinstance(template, dict) or not (number or "").isdecimal():
            continue
        found.append(Revision(
            int(number or 0), version_of(template, label), text_at(one, "metadata", "labels", workload.hash_label),
            without_hash(template, workload.hash_label),
        ))
    return sorted(found, key=lambda one: one.number, reverse=True)


def without_hash(template: Object, label: str) -> Object:
    """A pod template without the label that the controller added."""
    metadata, labels = at(template, "metadata"), at(template, "metadata", "labels")
    if not isinstance(metadata, dict) or not isinstance(labels, dict):
        return template
    kept: Object = {name: value for name, value in labels.items() if name != label}
    return {**template, "metadata": {**metadata, "labels": kept}}


def last_good(
    revisions: Iterable[Revision], bad: frozenset[str], stable: str | None, wanted: str | None, place: str,
) -> Revision:
    """The revision to go back to: the wanted version, else the stable one, else the newest that is not bad.

    bad: versions that raised an incident. stable: hash of the revision that was in service before. Raises `Refusal`.
    """
    known = [one for one in revisions if one.version is not None]
    if wanted is not None:
        if wanted in bad:
            raise Refusal(f"{place}: version {wanted} was asked for, but it raised an incident itself")
        known = [one for one in known if one.version == wanted]
        if not known:
            raise Refusal(f"{place}: version {wanted} was asked for, but no revision of it is kept")
    good = [one for one in known if one.version not in bad]
    if not good:
        raise Refusal(f"{place}: no kept revision is free of incidents (bad: {', '.join(sorted(bad))})")
    return next((one for one in good if one.hash is not None and one.hash == stable), good[0])


def _owned(item: JsonValue, uid: str | None) -> bool:
    owners = at(item, "metadata", "ownerReferences")
    return isinstance(owners, list) and any(
        text_at(owner, "uid") == uid and at(owner, "controller") is True for owner in owners
    )

"""The releases of the workers of a group."""

from __future__ import annotations

from streams.client.examination.diagnosis import judge_releases
from streams.cluster.group_description import GroupMember
from streams.kafka.worker_process import WorkerProcess


def member(name: str | None, release: str | None) -> GroupMember:
    return GroupMember(None if name is None else WorkerProcess(name, "host", 1, 1), frozenset(), release)


def test_workers_of_one_release_are_no_finding() -> None:
    assert judge_releases("g", [member("w0", "0.1.0"), member("w1", "0.1.0"), member(None, "0.1.0")]) == []
    assert judge_releases("g", []) == []


def test_workers_of_different_releases_are_named_with_them() -> None:
    (finding,) = judge_releases("g", [member("w0", "0.2.0"), member("w1", "0.1.0"), member(None, None)])
    assert finding.found == (
        "its workers run different versions: w0 on host (0.2.0), w1 on host (0.1.0), "
        "a worker without a name (version unknown)"
    )

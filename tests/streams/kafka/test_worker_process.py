"""A worker process is named in a text, and another one finds out whether it still runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version

from aiokafka.coordinator.protocol import ConsumerProtocol  # type: ignore[import-untyped]

from streams.cluster.group_description import GroupDescription, GroupMember
from streams.kafka.worker_process import WorkerProcess, is_running, release_of, standing
from streams.transport.assignor import assignor_of, change_metadata

OWN = WorkerProcess.current("w0")


def test_a_process_is_read_back_from_its_text() -> None:
    assert WorkerProcess.parse(str(OWN)) == OWN
    assert OWN.pid == os.getpid()


def test_the_client_id_of_anything_else_is_no_worker_process() -> None:
    for text in ("", "tocsin", "rdkafka", "tocsin/w0/host/1", "tocsin/w0/host/x/1", "other/w0/host/1/1"):
        assert WorkerProcess.parse(text) is None


def test_a_client_id_fits_into_255_characters() -> None:
    assert len(str(replace(WorkerProcess.current("w" * 300), host="h" * 100))) <= 255


def test_a_child_is_running_until_it_ends_also_while_it_is_stopped() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        stopped = replace(OWN, pid=child.pid, started=0)
        assert standing(stopped, OWN) == "running"
        child.send_signal(signal.SIGSTOP)
        assert is_running(stopped)
        assert standing(replace(stopped, host="elsewhere"), OWN) == "other_host"
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert standing(stopped, OWN) == "gone"  # a zombie


def test_a_reused_process_id_is_not_the_former_process() -> None:
    parent = replace(OWN, pid=os.getppid(), started=0)
    assert is_running(parent)
    assert not is_running(replace(parent, started=1))


def test_the_own_process_id_with_another_start_is_a_former_process() -> None:
    assert standing(replace(OWN, started=OWN.started - 1), OWN) == "gone"


def test_the_metadata_of_a_member_counts_more_than_its_client_id() -> None:
    successor = replace(OWN, pid=OWN.pid + 1)
    metadata = assignor_of(str(successor)).metadata(["t"]).encode()
    assert ConsumerProtocol.METADATA.decode(metadata).subscription == ["t"]
    members = [
        ("id", str(OWN), "/127.0.0.1", metadata, b""), ("id", str(OWN), "/127.0.0.1", b"", b""),
        ("id", "rdkafka", "/127.0.0.1", assignor_of("tocsin").metadata(["t"]).encode(), b""),
    ]
    group = GroupDescription(False, tuple(map(GroupMember.parse, members)))
    assert group.named_workers == [successor, OWN]
    assert group.assigned == frozenset()
    release = version("tocsin")
    assert [member.release for member in group.members] == [release, None, release]


def test_metadata_that_changed_still_name_process_and_release() -> None:
    assignor = assignor_of(str(OWN))
    first = assignor.user_data
    change_metadata(assignor)
    text = assignor.user_data.decode()
    assert text != first.decode()
    assert (WorkerProcess.parse(text), release_of(text)) == (OWN, version("tocsin"))


def test_metadata_of_a_former_version_name_no_release() -> None:
    for text in ("", str(OWN), f"{OWN} 1", "rdkafka 0.1.0 0"):
        assert release_of(text) is None

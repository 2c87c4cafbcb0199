"""A bundle of evidence is complete, hashed, signed, and never written over."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import stat
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from actions.base import Refusal, RunContext, TargetError
from actions.kinds.records.bundle import MANIFEST, SIGNATURE, faults_of
from actions.kinds.records.preserve_evidence import PreserveEvidence, PreserveEvidenceParams
from actions.records import Services
from tests.actions.simulators.record_store import VALUES, EvidenceSimulator

LIVE = RunContext()


class HmacSigner:
    """Stands for the signer with a key of the installation."""

    key_id = "test-1"

    def sign(self, content: bytes) -> bytes:
        return hmac.digest(b"key", content, "sha256")


@pytest.fixture
def store(tmp_path: Path) -> EvidenceSimulator:
    return EvidenceSimulator(tmp_path / "bundles")


def unpacked(folder: Path) -> dict[str, bytes]:
    (path,) = folder.iterdir()
    with tarfile.open(path) as archive:
        return {name: (archive.extractfile(name) or io.BytesIO()).read() for name in archive.getnames()}


async def test_bundle_holds_incident_audit_records_and_masked_configuration(store: EvidenceSimulator) -> None:
    action = PreserveEvidence(PreserveEvidenceParams(str(store.folder)))
    action.attach(Services(store.store, HmacSigner(), "password: '***'\n"))
    done = await action.run(store.intent(), LIVE)
    files = unpacked(store.folder)
    records = "records/inference.latency-0-100-106.jsonl"
    assert sorted(files) == sorted([
        "incident.json", "audit.jsonl", records, "records/other-1-0-9.jsonl", "configuration.yaml", MANIFEST, SIGNATURE,
    ])
    lines = [json.loads(line) for line in files[records].splitlines()]
    assert [None if one["value"] is None else base64.b64decode(one["value"]) for one in lines] == list(VALUES)
    manifest = json.loads(files[MANIFEST])
    assert {one["name"]: one["sha256"] for one in manifest["files"]} == {
        name: hashlib.sha256(content).hexdigest()
        for name, content in files.items() if name not in (MANIFEST, SIGNATURE)
    }
    assert files[SIGNATURE] == hmac.digest(b"key", files[MANIFEST], "sha256")
    assert manifest["signed_by"] == "test-1"
    assert manifest["left_out"] == ["records/other-1-0-9.jsonl: 9 offsets hold no record any more"]
    assert "signed by test-1" in done.detail


async def test_bundle_is_readable_by_its_owner_alone_and_named_after_incident_and_key(
    store: EvidenceSimulator
) -> None:
    store.store.incidents["../i/1"] = store.store.incidents["i1"]
    await store.action.run(replace(store.intent(), incident_id="../i/1", key="k"), LIVE)
    (path,) = store.folder.iterdir()
    assert path.name == ".._i_1-k.tar.gz"
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700


async def test_bundle_that_was_changed_is_seen_and_never_written_over(store: EvidenceSimulator) -> None:
    await store.action.run(store.intent(), LIVE)
    (path,) = store.folder.iterdir()
    files = unpacked(store.folder)
    path.unlink()
    with tarfile.open(path, "w:gz") as archive:
        for name, content in {**files, "incident.json": b"{}", "added.txt": b""}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    assert faults_of(path) == ["added.txt is not in the manifest", "incident.json was changed"]
    before = path.read_bytes()
    with pytest.raises(Refusal, match="a bundle is never written over"):
        await store.action.run(store.intent(), LIVE)
    assert path.read_bytes() == before
    assert (await store.action.read_back(store.intent())).applied is None


def test_file_that_is_no_bundle_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.tar.gz"
    path.write_bytes(b"not gzip")
    assert faults_of(path)[0].startswith("not a bundle")


async def test_range_beyond_the_cap_is_left_out_and_said(store: EvidenceSimulator) -> None:
    action = PreserveEvidence(PreserveEvidenceParams(str(store.folder), max_records=8))
    action.attach(Services(store.store))
    done = await action.run(store.intent(), LIVE)
    assert done.data["left_out"] == 1
    assert "records/other-1-0-9.jsonl: more than 8 records" in json.loads(unpacked(store.folder)[MANIFEST])["left_out"]


async def test_folder_that_cannot_be_written_is_a_fault_of_the_target(store: EvidenceSimulator, tmp_path: Path) -> None:
    (tmp_path / "bundles").write_text("a file", encoding="utf-8")
    with pytest.raises(TargetError, match="Not a directory"):
        await store.action.run(store.intent(), LIVE)


def test_params_out_of_range_are_named() -> None:
    with pytest.raises(ValueError, match=r"PreserveEvidenceParams.folder: ''"):
        PreserveEvidenceParams("")

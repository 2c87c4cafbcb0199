"""Whether the audit is what its checkpoints say: a pure judge over the records of one partition.

It starts at the first record that is kept. What retention deleted is no finding; what is missing although it is younger
than the retention is one. Records after the last checkpoint are counted as not covered yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from streams.audit.chain import GENESIS, AuditRecord, Checkpoint, content_digest, linked

Fault = Literal["edited", "dropped", "added", "moved", "checkpoint"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One deviation, at its place."""

    partition: int
    offset: int
    fault: Fault
    detail: str


@dataclass(slots=True)
class PartitionVerdict:
    """The result for one partition. kept_from: offset of the first record, None where there is none.

    covered, uncovered: numbers of records with and without a checkpoint. head: the last hash that a checkpoint has,
    and its offset.
    """

    partition: int
    kept_from: int | None = None
    covered: int = 0
    uncovered: int = 0
    head: str | None = None
    head_offset: int | None = None
    findings: list[Finding] = field(default_factory=list)

    def find(self, offset: int, fault: Fault, detail: str) -> None:
        """Note a deviation."""
        self.findings.append(Finding(self.partition, offset, fault, detail))


@dataclass(slots=True)
class _Claims:
    """What all checkpoints of a partition say together. h is the same wherever a writer cuts, so several may overlap.

    begin: the offset after which they cover, -1 from the first record ever. end: up to which, inclusive. listed: the
    digest of each record; until_ms: the time of the last record of its checkpoint. hashes: h by offset.
    """

    begin: int = -1
    end: int = -1
    listed: dict[int, str] = field(default_factory=dict)
    until_ms: dict[int, int] = field(default_factory=dict)
    hashes: dict[int, str] = field(default_factory=dict)


def verify_partition(
    partition: int, records: Sequence[AuditRecord], checkpoints: Iterable[Checkpoint], gone_before_ms: int,
) -> PartitionVerdict:
    """Compare the records of a partition, in the order in which they were read, with its checkpoints.

    gone_before_ms: records older than this may be missing at the beginning, since retention deletes them.
    """
    verdict = PartitionVerdict(partition, min((record.offset for record in records), default=None))
    claims = _together(sorted(checkpoints, key=lambda each: each.offset), verdict)
    found = _in_order(records, verdict)
    _compare(found, claims, gone_before_ms, verdict)
    _walk(claims, verdict)
    _name_moved(found, claims, verdict)
    verdict.findings.sort(key=lambda finding: finding.offset)
    return verdict


def _together(checkpoints: Sequence[Checkpoint], verdict: PartitionVerdict) -> _Claims:
    claims = _Claims()
    for number, each in enumerate(checkpoints):
        begin = -1 if each.previous is None else each.previous
        if number == 0:
            claims.begin = begin
            if begin >= 0 and verdict.kept_from is not None and verdict.kept_from <= begin:
                verdict.find(begin, "checkpoint", f"the checkpoint at {begin} is missing, and its records are kept")
        elif begin > claims.end:
            verdict.find(begin, "checkpoint", f"no checkpoint covers the records after {claims.end} up to {begin}")
        for offset, digest in each.records:
            if claims.listed.setdefault(offset, digest) != digest:
                verdict.find(offset, "checkpoint", f"two checkpoints differ about it, the second at {each.offset}")
            claims.until_ms[offset] = each.last_timestamp_ms
        if claims.hashes.setdefault(each.offset, each.hash) != each.hash:
            verdict.find(each.offset, "checkpoint", "two checkpoints of this offset have different hashes")
        claims.end = max(claims.end, each.offset)
    return claims


def _in_order(records: Sequence[AuditRecord], verdict: PartitionVerdict) -> dict[int, AuditRecord]:
    """The records by offset; one that stands behind a higher one was moved."""
    found: dict[int, AuditRecord] = {}
    highest = -1
    for record in records:
        if record.offset <= highest:
            verdict.find(record.offset, "moved", f"stands behind offset {highest}, expected rising offsets")
        highest = max(highest, record.offset)
        found.setdefault(record.offset, record)
    return found


def _compare(
    found: Mapping[int, AuditRecord], claims: _Claims, gone_before_ms: int, verdict: PartitionVerdict,
) -> None:
    for offset, record in found.items():
        if offset > claims.end:
            verdict.uncovered += 1
        elif offset in claims.listed:
            verdict.covered += 1
            if content_digest(record) != claims.listed[offset]:
                verdict.find(offset, "edited", "its checkpoint has another content")
        elif offset > claims.begin:
            verdict.find(offset, "added", "the checkpoint that covers this place does not have it")
    for offset in claims.listed.keys() - found.keys():
        is_kept = verdict.kept_from is not None and offset >= verdict.kept_from
        if is_kept or claims.until_ms[offset] >= gone_before_ms:
            verdict.find(offset, "dropped", "its checkpoint has it")


def _walk(claims: _Claims, verdict: PartitionVerdict) -> None:
    """Follow the hash over all that checkpoints list; a checkpoint whose hash does not follow was not made by us."""
    head = GENESIS if claims.begin < 0 else None
    for offset in sorted(claims.listed):
        if head is not None:
            head = linked(head, verdict.partition, offset, claims.listed[offset])
        claimed = claims.hashes.get(offset)
        if claimed is None:
            continue
        if head is not None and head != claimed:
            verdict.find(offset, "checkpoint", "the hash of this checkpoint does not follow from those before it")
        head = claimed
        verdict.head, verdict.head_offset = claimed, offset


def _name_moved(found: Mapping[int, AuditRecord], claims: _Claims, verdict: PartitionVerdict) -> None:
    """What has the content of another place was moved, and not edited or added."""
    places = {digest: offset for offset, digest in claims.listed.items()}
    for at, finding in enumerate(verdict.findings):
        record = found.get(finding.offset)
        if finding.fault in ("edited", "added") and record is not None:
            origin = places.get(content_digest(record))
            if origin is not None:
                detail = f"its content belongs to offset {origin}"
                verdict.findings[at] = Finding(finding.partition, finding.offset, "moved", detail)

"""The judgement over a whole audit: the signatures of its checkpoints, and each partition against them. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from actions.trust.keys import KeyRing
from streams.audit.chain import Checkpoint
from streams.audit.checkpoint_records import read_checkpoint
from streams.audit.export import KeptAudit
from streams.audit.verify import Finding, PartitionVerdict, verify_partition
from streams.contracts.envelopes import WireError
from streams.trust.authenticity import Authenticity


@dataclass(frozen=True, slots=True)
class Anchor:
    """A hash that was kept elsewhere: in a log, in the metrics, on paper."""

    partition: int
    offset: int
    hash: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """The result. signed: whether the signatures were checked. first: the first finding, None where there is none."""

    records: int
    covered: int
    uncovered: int
    checkpoints: int
    signed: bool
    first: Finding | None
    findings: tuple[Finding, ...]
    heads: tuple[Anchor, ...]

    def as_json(self) -> dict[str, object]:
        """All of it, for printing."""
        return asdict(self)


def judge(
    audit: KeptAudit, ring: KeyRing, topic: str, gone_before_ms: int, anchors: tuple[Anchor, ...] = (),
) -> Judgement:
    """Verify everything. topic: that of the checkpoints. ring: without a key of respond, signatures are not checked."""
    authenticity = Authenticity(ring, "")
    by_partition: dict[int, list[Checkpoint]] = {}
    findings: list[Finding] = []
    for record in audit.checkpoints:
        try:
            one = read_checkpoint(record)
        except WireError as error:
            findings.append(Finding(-1, -1, "checkpoint", f"a checkpoint that cannot be read: {error}"))
            continue
        fault = authenticity.checkpoint_fault(topic, record, one.at_s)
        if fault is not None:
            findings.append(Finding(one.partition, one.offset, "checkpoint", f"not counted: {fault}"))
            continue
        by_partition.setdefault(one.partition, []).append(one)
    verdicts = [
        verify_partition(number, audit.records.get(number, ()), by_partition.get(number, ()), gone_before_ms)
        for number in sorted(audit.records.keys() | by_partition.keys())
    ]
    findings += [finding for verdict in verdicts for finding in verdict.findings]
    findings += _unmet(anchors, by_partition)
    findings.sort(key=lambda finding: (finding.partition, finding.offset))
    return Judgement(
        sum(map(len, audit.records.values())), sum(one.covered for one in verdicts),
        sum(one.uncovered for one in verdicts), sum(map(len, by_partition.values())),
        authenticity.checks_checkpoints,
        findings[0] if findings else None, tuple(findings), tuple(_heads(verdicts)),
    )


def _unmet(anchors: tuple[Anchor, ...], known: dict[int, list[Checkpoint]]) -> list[Finding]:
    """The anchors that no checkpoint has: the end of the audit was cut off, or it is another one."""
    hashes = {(each.partition, each.offset, each.hash) for found in known.values() for each in found}
    return [
        Finding(anchor.partition, anchor.offset, "checkpoint", "no checkpoint has the hash that was kept elsewhere")
        for anchor in anchors if (anchor.partition, anchor.offset, anchor.hash) not in hashes
    ]


def _heads(verdicts: list[PartitionVerdict]) -> list[Anchor]:
    return [
        Anchor(one.partition, one.head_offset, one.head)
        for one in verdicts if one.head is not None and one.head_offset is not None
    ]

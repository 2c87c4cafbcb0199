"""What a review is drafted from: incidents and their audit, from a replay's folder or from the topics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from classifiers.model import AuditEntry, Incident
from config.models import Config
from streams.client.audit_log import read_audit_topics
from streams.client.incident_log import IncidentFileError, read_files, read_topics
from streams.contracts.envelopes import WireError, read_audit

AUDIT = "audit.jsonl"


@dataclass(frozen=True, slots=True)
class ReviewLog:
    """All incidents that are known, by id, and the audit. unreadable: records that were skipped.

    concerning: by incident, the entries whose records name it; empty for a replay, whose file has the entries alone.
    """

    incidents: dict[str, Incident]
    audit: tuple[AuditEntry, ...]
    unreadable: int
    concerning: Mapping[str, Sequence[AuditEntry]] = field(default_factory=dict)


def read_folder(folder: Path) -> ReviewLog:
    """The incidents and the audit that `tocsin replay` wrote. Raises `OSError` and `IncidentFileError`."""
    log = read_files([folder])
    entries = []
    file = folder / AUDIT
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                entries.append(read_audit(line))
            except WireError as error:
                raise IncidentFileError(file, number, str(error)) from error
    return ReviewLog(log.incidents, tuple(entries), log.unreadable)


async def read_review_topics(config: Config) -> ReviewLog:
    """The same of a running installation. Raises `BrokerUnavailable` and `TopicError`."""
    log = await read_topics(config)
    kept = await read_audit_topics(config)
    entries, unreadable = [], log.unreadable
    concerning: dict[str, list[AuditEntry]] = {}
    for partition in sorted(kept.records):
        for record in kept.records[partition]:
            try:
                entry = read_audit(record.value)
            except WireError:
                unreadable += 1
                continue
            entries.append(entry)
            about = (record.key or b"").decode(errors="replace")
            if about in log.incidents:
                concerning.setdefault(about, []).append(entry)
    return ReviewLog(log.incidents, tuple(entries), unreadable, concerning)

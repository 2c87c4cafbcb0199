"""What is written down of records that were refused for their signature: within the quota one by one, then a count.

The subject of an entry is the record's place in its topic, and no entry is one of the intent that the record names: who
forges a record must not write the trail of a true one. Duplicate: the same record gives an entry of the same id.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from actions.trust.keys import SignatureError
from classifiers.model import AuditEntry
from streams.trust.refusal_quota import RefusalQuota

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.trust")


class RefusedRecords:
    """mono_s: monotonic seconds, for the quota."""

    def __init__(self, mono_s: Callable[[], float]) -> None:
        self._mono_s = mono_s
        self._quota = RefusalQuota()

    def entry(self, place: str, claimed: str, error: SignatureError, at_s: float) -> AuditEntry | None:
        """The audit entry of one refused record, which is logged too; None beyond the quota.

        place: topic, partition and offset. claimed: what the record says that it is.
        """
        if not self._quota.note(self._mono_s()):
            return None
        unnoted = self._quota.take_dropped()
        reason = f"{error} ({unnoted} before it are only counted)" if unnoted else str(error)
        log.warning("record_refused", place=place, claims=claimed[:60], reason=reason)
        return AuditEntry(at_s, place, "refused", None, "refused", f"a record that names {claimed[:60]!r}: {reason}")


def place_of(topic: str, partition: int, offset: int) -> str:
    """Where a record is, for people and as the subject of its entry."""
    return f"{topic}[{partition}]@{offset}"

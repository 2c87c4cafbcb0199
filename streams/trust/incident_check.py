"""Whether a record of an incident is authentic, and no copy of an old one that somebody wrote again.

A copy of what the role worker signed has a signature that counts. By its time, which is signed too, it is known to be
older than what was read of the same incident. Crash: what was read is read again. Memory: `MAX_INCIDENTS` times.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime

from actions.bounded import remember
from actions.trust.keys import SignatureError
from streams.intake.kafka_record import KafkaRecord
from streams.trust.authenticity import Authenticity

MAX_INCIDENTS = 20_000
REPLAYED_AFTER_S = 120.0
"""An incident goes from one worker to another, whose clock may be behind; an open one is told again every minute."""


class IncidentCheck:
    """now_s: the clock of who reads, so that a worker whose clock was ahead for a while is believed afterwards."""

    def __init__(self, authenticity: Authenticity, now_s: Callable[[], float]) -> None:
        self._authenticity = authenticity
        self._now_s = now_s
        self._newest_s: dict[str, float] = {}

    def check(self, topic: str, record: KafkaRecord, incident_id: str) -> None:
        """Raises `SignatureError` for a record that does not count. About 100 us."""
        self._authenticity.check_incident(topic, record)
        if not self._authenticity.has_keys:
            return
        written_s, newest_s = _written_s(record), self._newest_s.get(incident_id, -math.inf)
        if written_s < newest_s - REPLAYED_AFTER_S:
            text = f"written {newest_s - written_s:.0f} s before what was read of {incident_id[:60]!r} already"
            raise SignatureError("replayed", text)
        remember(self._newest_s, incident_id, max(newest_s, min(written_s, self._now_s())), MAX_INCIDENTS)


def _written_s(record: KafkaRecord) -> float:
    text = next((value for name, value in record.headers if name == "ce_time"), b"").decode(errors="replace")
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise SignatureError("bad_signature", f"ce_time {text[:40]!r}, expected a time") from None

"""The trail: every step of an incident and of a decision, as an entry on the audit topic.

An intent goes decided -> claimed -> answered; one that is refused is never claimed. Guarantee on crash: entries are
booked on who causes them, so no offset is committed before its entries are acknowledged. Guarantee on duplicate: what
is told again has the same event id.
"""

from __future__ import annotations

from actions.model import Intent, Outcome
from classifiers.model import AuditEntry
from streams.contracts.envelopes import audit_message
from streams.kafka.producer import FlushScope, Publisher
from streams.telemetry.traces import Tracing

PENDING = "pending"
CLAIMED = "claimed"


class Audit:
    """Writes the trail of one worker to `topic`, each entry in the trace it falls in. source: of the events."""

    def __init__(self, publisher: Publisher, topic: str, source: str, tracing: Tracing) -> None:
        self._publisher = publisher
        self._topic = topic
        self._source = source
        self._tracing = tracing
        self._claimed: set[str] = set()

    async def changed(self, scope: FlushScope, entry: AuditEntry) -> None:
        """A step that can come again, such as those of an incident, told by the state machine that took it."""
        message = audit_message(entry, self._source, trace=self._tracing.inject())
        await self._publisher.send(scope, self._topic, [message])

    async def rejected(self, scope: FlushScope, shard: int, reason: str, now_s: float) -> None:
        """A stored state could not be used: what the shard had learned is learned anew."""
        entry = AuditEntry(now_s, f"state/{shard}", "rejected", "stored", "relearning", reason)
        await self.changed(scope, entry)

    async def decided(self, scope: FlushScope, intent: Intent) -> None:
        """An intent goes to the action topic."""
        entry = AuditEntry(intent.decided_at_s, intent.key, "decided", None, PENDING, intent.reason)
        await self._tell(scope, entry, intent.incident_id)

    async def claimed(self, scope: FlushScope, intent: Intent, now_s: float) -> None:
        """The ledger let it run; what comes next touches the world."""
        self._claimed.add(intent.key)
        reason = f"{intent.kind} on {intent.target} may run now, and never again"
        entry = AuditEntry(now_s, intent.key, "claimed", PENDING, CLAIMED, reason)
        await self._tell(scope, entry, intent.incident_id)

    async def answered(self, scope: FlushScope, outcome: Outcome) -> None:
        """The executor's answer. A duplicate changes nothing: the intent stays what it was."""
        was_claimed = outcome.key in self._claimed or outcome.status == "interrupted"
        self._claimed.discard(outcome.key)
        before: str | None = CLAIMED if was_claimed else PENDING
        after: str | None = outcome.status
        if outcome.status == "duplicate":
            earlier = outcome.data.get("earlier_status")
            before = after = earlier if isinstance(earlier, str) else None
        entry = AuditEntry(outcome.done_at_s, outcome.key, outcome.status, before, after, outcome.detail)
        await self._tell(scope, entry, outcome.incident_id)

    async def heard(self, scope: FlushScope, entry: AuditEntry, about: str) -> None:
        """A control record was taken in or refused. Every worker says the same of it, under the same id."""
        await self._tell(scope, entry, about)

    async def _tell(self, scope: FlushScope, entry: AuditEntry, incident_id: str) -> None:
        message = audit_message(entry, self._source, incident_id, once=True, trace=self._tracing.inject())
        await self._publisher.send(scope, self._topic, [message])

"""The audit trail: every step of an incident and of an intent, as an entry on the audit topic.

An intent goes decided -> claimed -> finished; one that is refused is never claimed. Guarantee on crash: an entry goes
out with what caused it, so no offset is committed before its entries are acknowledged. Guarantee on
duplicate: an entry that is written again has the same event id.
"""

from __future__ import annotations

from actions.model import Intent, Outcome
from classifiers.model import AuditEntry
from streams.contracts.envelopes import audit_message
from streams.kafka.output import Output
from streams.telemetry.traces import Tracing

PENDING = "pending"
CLAIMED = "claimed"


class Audit:
    """Writes the audit trail of one worker to `topic`, each entry in the current trace. source: of the events."""

    def __init__(self, topic: str, source: str, tracing: Tracing) -> None:
        self._topic = topic
        self._source = source
        self._tracing = tracing
        self._claimed: set[str] = set()

    async def step(self, output: Output, entry: AuditEntry) -> None:
        """Write a step that can happen again at another time, such as a step of an incident."""
        message = audit_message(entry, self._source, trace=self._tracing.inject())
        await output.send(self._topic, [message])

    async def state_rejected(self, output: Output, shard: int, reason: str, now_s: float) -> None:
        """A stored state could not be used: the shard learns it anew."""
        entry = AuditEntry(now_s, f"state/{shard}", "rejected", "stored", "relearning", reason)
        await self.step(output, entry)

    async def decided(self, output: Output, intent: Intent) -> None:
        """An intent goes to the action topic."""
        entry = AuditEntry(intent.decided_at_s, intent.key, "decided", None, PENDING, intent.reason)
        await self._write_once(output, entry, intent.incident_id)

    async def claimed(self, output: Output, intent: Intent, now_s: float) -> None:
        """The ledger granted the claim: the action runs next."""
        self._claimed.add(intent.key)
        reason = f"{intent.kind} on {intent.target} runs now, and only once"
        actor = ", ".join(f"{each.who} ({each.verb} by {each.path})" for each in intent.decisions) or None
        entry = AuditEntry(now_s, intent.key, "claimed", PENDING, CLAIMED, reason, actor)
        await self._write_once(output, entry, intent.incident_id)

    async def finished(self, output: Output, outcome: Outcome) -> None:
        """The outcome of an intent. A duplicate changes nothing: the intent stays as it was."""
        was_claimed = outcome.key in self._claimed or outcome.status == "interrupted"
        self._claimed.discard(outcome.key)
        before: str | None = CLAIMED if was_claimed else PENDING
        after: str | None = outcome.status
        if outcome.status == "duplicate":
            earlier = outcome.data.get("earlier_status")
            before = after = earlier if isinstance(earlier, str) else None
        entry = AuditEntry(outcome.done_at_s, outcome.key, outcome.status, before, after, outcome.detail)
        await self._write_once(output, entry, outcome.incident_id)

    async def unauthentic(self, output: Output, entry: AuditEntry) -> None:
        """A record that claims to be an intent was refused unread; see `streams/trust/refused_records.py`."""
        await self._write_once(output, entry, entry.subject)

    async def remedy(self, output: Output, outcome: Outcome) -> None:
        """What is in force changed without an intent of a shard."""
        state = str(outcome.data.get("breaker_state") or outcome.data.get("remedy_state"))
        at_s = outcome.data.get("changed_at_s")
        entry = AuditEntry(
            at_s if isinstance(at_s, float) else outcome.done_at_s, outcome.key, f"remedy_{state}", None, state,
            outcome.detail,
        )
        await self.step(output, entry)

    async def control(self, output: Output, entry: AuditEntry, subject: str) -> None:
        """A control record was accepted or rejected. Every worker writes the same entry, under the same id."""
        await self._write_once(output, entry, subject)

    async def _write_once(self, output: Output, entry: AuditEntry, subject: str) -> None:
        message = audit_message(entry, self._source, subject, once=True, trace=self._tracing.inject())
        await output.send(self._topic, [message])

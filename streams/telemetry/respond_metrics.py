"""The metrics of the role respond: requests that wait for people, how they ended, and tries that were refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Literal, get_args

from prometheus_client import CollectorRegistry, generate_latest

from actions.approvals.machine import OPEN, RequestState
from actions.escalation.machine import EscalationEvent, EscalationState
from actions.escalation.record import Escalation
from actions.trust.keys import FaultReason
from streams.telemetry.families import OPEN as OPEN_LABELS
from streams.telemetry.families import Families
from streams.telemetry.notify_metrics import NotifyMetrics

SignedRecordKind = Literal["incident", "intent", "request", "escalation", "notification", "review"]
"""What the role respond reads and other processes sign."""


class RespondMetrics:
    """In a registry of their own, so that a process shows those of its roles alone. channels: by name."""

    def __init__(self, channels: Collection[str] = ()) -> None:
        self._registry = CollectorRegistry()
        self.notify = NotifyMetrics(self._registry, channels)
        families = Families(self._registry)
        states = get_args(RequestState)
        self._open = families.gauge(
            "tocsin_requests_open", "Requests that wait for people or for their shard.", state=sorted(OPEN),
        )
        self._changes = families.counter(
            "tocsin_request_changes", "Changes of requests that this process wrote, by the state after.", state=states,
        )
        self._owned = families.gauge("tocsin_request_partitions_owned", "Partitions of requests that it owns.")
        self._escalations = families.gauge(
            "tocsin_escalations", "Escalations in the log, by state.", state=get_args(EscalationState),
        )
        self._escalation_changes = families.counter(
            "tocsin_escalation_changes", "Changes of escalations that this process wrote, by what happened.",
            event=get_args(EscalationEvent),
        )
        self._pending = families.gauge(
            "tocsin_notifications_pending", "Notifications of escalations that nobody has taken for delivery yet.",
        )
        self._tries = families.counter(
            "tocsin_http_tries", "Requests to the HTTP interface that were refused.",
            answer=("unauthenticated", "forbidden", "too_many", "malformed"),
        )
        self._ignored = families.counter(
            "tocsin_respond_unauthentic", "Records that this role ignored for their signature, by reason.",
            record=get_args(SignedRecordKind), reason=get_args(FaultReason),
        )
        self._audit_offset = families.gauge(
            "tocsin_audit_covered_offset", "Offset of the last record that a checkpoint covers, by partition.",
            partition=OPEN_LABELS,
        )
        self._audit_anchor = families.gauge(
            "tocsin_audit_anchor", "The first 48 bits of the hash there, to compare with `tocsin audit verify`.",
            partition=OPEN_LABELS,
        )

    def audit_covered(self, partition: int, offset: int, digest: str) -> None:
        """A checkpoint covers the audit up to this offset. 48 bits of its hash fit exactly into a sample."""
        self._audit_offset.labels(str(partition)).set(offset)
        self._audit_anchor.labels(str(partition)).set(int(digest[:12], 16))

    def changed(self, state: RequestState) -> None:
        """A request has got a state."""
        self._changes.labels(state).inc()

    def escalated(self, event: str) -> None:
        """An escalation has changed."""
        self._escalation_changes.labels(event).inc()

    def observe_escalations(self, escalations: Iterable[Escalation]) -> None:
        """All escalations of the log."""
        known = list(escalations)
        counted = Counter(one.state for one in known)
        for state in get_args(EscalationState):
            self._escalations.labels(state).set(counted[state])
        self._pending.set(sum(len(one.pending) for one in known))

    def refused(self, answer: str) -> None:
        """A try over HTTP was refused."""
        self._tries.labels(answer).inc()

    def ignored(self, record: SignedRecordKind, reason: FaultReason) -> None:
        """A record does not count, since nobody with a key of its role signed it."""
        self._ignored.labels(record, reason).inc()

    def observe(self, states: Iterable[RequestState], owned: int) -> None:
        """The states of all requests, and how many partitions this process owns."""
        counted = list(states)
        for state in OPEN:
            self._open.labels(state).set(counted.count(state))
        self._owned.set(owned)

    def render(self) -> bytes:
        """In the text format of Prometheus."""
        return generate_latest(self._registry)

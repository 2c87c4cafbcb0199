"""The message types: what each is called on the wire, in which version, and which class it is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from actions.model import Intent, Outcome
from classifiers.directives import Acknowledge, Deployment, Expire, Feedback, Silence
from classifiers.model import AuditEntry, Incident
from streams.contracts.record import NativeRecord


@dataclass(frozen=True, slots=True)
class MessageType:
    """A type of message. version goes up by one with a change that `streams.contracts.compatible` calls a break.

    model: what the JSON value is read as, a type as `pydantic.TypeAdapter` takes it. says: one sentence for a reader.
    ours: whether Tocsin writes it, as a CloudEvent; else it is written for Tocsin.
    """

    name: str
    version: int
    model: object
    says: str
    ours: bool = True

    @property
    def event_type(self) -> str:
        """The attribute `type` of its CloudEvents, and its name everywhere else."""
        return f"tocsin.{self.name}.v{self.version}"

    @property
    def schema_id(self) -> str:
        """The URI of its JSON Schema: `$id` there, the attribute `dataschema` of its CloudEvents."""
        return f"urn:tocsin:schema:{self.name}:v{self.version}"


INCIDENT = MessageType("incident", 1, Incident, "Something is wrong with a service: what, how bad, where, and why.")
ACTION = MessageType("action", 1, Intent, "A decision to act on a target, before anything has run.")
OUTCOME = MessageType("outcome", 1, Outcome, "What came of a decision.")
AUDIT = MessageType("audit", 1, AuditEntry, "One step in the life of an incident or of a decision, and its reason.")
RECORD = MessageType(
    "record", 1, NativeRecord | list[NativeRecord], "What a serving stack says about a request, or about several.",
    ours=False,
)

SILENCE = MessageType("control.silence", 1, Silence, "Do not act on incidents that all matchers fit, for a while.")
EXPIRE = MessageType("control.expire", 1, Expire, "End a silence before its time.")
ACKNOWLEDGE = MessageType("control.acknowledge", 1, Acknowledge, "Somebody works on an incident, for a while.")
FEEDBACK = MessageType("control.feedback", 1, Feedback, "What an incident was, as a human found out.")
DEPLOYMENT = MessageType("control.deployment", 1, Deployment, "A version of a service went live.")
CONTROL = (SILENCE, EXPIRE, ACKNOWLEDGE, FEEDBACK, DEPLOYMENT)
"""What people and pipelines tell Tocsin; each record is signed (see `streams.contracts.control_records`)."""

CATALOGUE: Mapping[str, MessageType] = {
    one.name: one for one in (INCIDENT, ACTION, OUTCOME, AUDIT, *CONTROL, RECORD)
}

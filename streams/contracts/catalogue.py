"""The message types: the name of each on the wire, its version, and the class it is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from actions.approvals.request import ApprovalRequest
from actions.channels.notification import Notification
from actions.escalation.record import Escalation
from actions.model import Intent, Outcome
from actions.reviews.record import ActionItem, Review
from classifiers.by_hand import (
    Assign,
    Decide,
    Keep,
    Override,
    ResetStorm,
    Resolve,
    SetBreaker,
    Undo,
    Update,
    Withdraw,
)
from classifiers.directives import Acknowledge, Deployment, Expire, Feedback, Silence
from classifiers.model import AuditEntry, Incident
from classifiers.reviews_by_hand import SetItem, SubmitReview
from classifiers.series_windows import IncidentSeries, ServiceSeries, ShardReport
from classifiers.telling_by_hand import Escalate, Release
from classifiers.viewing_by_hand import Watch
from streams.contracts.record import NativeRecord


@dataclass(frozen=True, slots=True)
class MessageType:
    """A type of message. version: raised by one with a change that `streams.contracts.compatible` calls a break.

    model: the type of the JSON value, as `pydantic.TypeAdapter` accepts it. summary: one sentence for a reader.
    written_by_tocsin: False for what others write for Tocsin. What Tocsin writes is a CloudEvent.
    """

    name: str
    version: int
    model: object
    summary: str
    written_by_tocsin: bool = True

    @property
    def event_type(self) -> str:
        """The attribute `type` of its CloudEvents, and its name everywhere else."""
        return f"tocsin.{self.name}.v{self.version}"

    @property
    def schema_id(self) -> str:
        """The URI of its JSON Schema: `$id` there, the attribute `dataschema` of its CloudEvents."""
        return f"urn:tocsin:schema:{self.name}:v{self.version}"


INCIDENT = MessageType("incident", 1, Incident, "Something is wrong with a service: what, how bad, where, and why.")
ACTION = MessageType("action", 1, Intent, "A decision to act on a target, written before it runs.")
OUTCOME = MessageType("outcome", 1, Outcome, "The result of a decision.")
AUDIT = MessageType("audit", 1, AuditEntry, "One step in the life of an incident or of a decision, and its reason.")
APPROVAL = MessageType("approval", 1, ApprovalRequest, "A decision that waits for people, and what they decided.")
ESCALATION = MessageType(
    "escalation", 1, Escalation, "Who was paged for an incident, and what follows if nobody acknowledges.",
)
NOTIFICATION = MessageType(
    "notification", 1, Notification, "What somebody is told of an incident by a channel, and how far its delivery is.",
)
REVIEW = MessageType("review", 1, Review, "The review of an incident: its state, where people keep it, its summary.")
ITEM = MessageType("item", 1, ActionItem, "What is to be done after an incident, by whom and until when.")
INCIDENT_SERIES = MessageType(
    "incident_series", 1, IncidentSeries, "Windows of the series of an incident, from before its onset on.",
)
SERVICE_SERIES = MessageType(
    "service_series", 1, ServiceSeries, "The newest windows of a service: its own series, and of its parts the worst.",
)
SHARD_REPORT = MessageType("shard_report", 1, ShardReport, "How a shard is: its owner, how far it is, what it dropped.")
RECORD = MessageType(
    "record", 1, NativeRecord | list[NativeRecord], "Measurements of a serving stack for one request or several.",
    written_by_tocsin=False,
)

SILENCE = MessageType("control.silence", 1, Silence, "Do not act on incidents that all matchers fit, for a while.")
EXPIRE = MessageType("control.expire", 1, Expire, "End a silence before its time.")
ACKNOWLEDGE = MessageType("control.acknowledge", 1, Acknowledge, "Somebody works on an incident, for a while.")
FEEDBACK = MessageType("control.feedback", 1, Feedback, "What an incident was, as a human found out.")
DEPLOYMENT = MessageType("control.deployment", 1, Deployment, "A version of a service went live.")
DECISION = MessageType("control.decision", 1, Decide, "A person approves or rejects a request, or breaks the glass.")
WITHDRAW = MessageType("control.withdraw", 1, Withdraw, "A person takes a request back.")
RESOLVE = MessageType("control.resolve", 1, Resolve, "A person declares an incident over; alarms open it anew.")
ASSIGN = MessageType("control.assign", 1, Assign, "A person gets or loses a role of an incident.")
UPDATE = MessageType("control.update", 1, Update, "What a person says about an incident while it goes on.")
UNDO = MessageType("control.undo", 1, Undo, "A remedy in force is undone now.")
KEEP = MessageType("control.keep", 1, Keep, "A remedy in force stays, whatever its terms say.")
BREAKER = MessageType("control.breaker", 1, SetBreaker, "A circuit breaker is forced open, disabled or cleared.")
STORM_RESET = MessageType("control.storm_reset", 1, ResetStorm, "The storm brake is released.")
OVERRIDE = MessageType("control.override", 1, Override, "A person takes over an on-call schedule for a while.")
RELEASE = MessageType("control.release", 1, Release, "A text that waits for a person is sent, or is not sent.")
ESCALATE = MessageType("control.escalate", 1, Escalate, "A person escalates an incident by hand.")
SUBMIT_REVIEW = MessageType("control.review", 1, SubmitReview, "A person records how the review of an incident stands.")
SET_ITEM = MessageType("control.item", 1, SetItem, "A person records that an action item is done, or who does it.")
WATCH = MessageType("control.watch", 1, Watch, "The windows of a series are published for a while, to be looked at.")
BY_HAND = (
    DECISION, WITHDRAW, RESOLVE, ASSIGN, UPDATE, UNDO, KEEP, BREAKER, STORM_RESET, OVERRIDE, RELEASE, ESCALATE,
    SUBMIT_REVIEW, SET_ITEM, WATCH,
)
"""Records of people that act."""
CONTROL = (SILENCE, EXPIRE, ACKNOWLEDGE, FEEDBACK, DEPLOYMENT, *BY_HAND)
"""Records that people and pipelines write for Tocsin, signed (see `streams.contracts.control_records`)."""

CATALOGUE: Mapping[str, MessageType] = {
    one.name: one
    for one in (
        INCIDENT, ACTION, OUTCOME, AUDIT, APPROVAL, ESCALATION, NOTIFICATION, REVIEW, ITEM, INCIDENT_SERIES,
        SERVICE_SERIES, SHARD_REPORT, *CONTROL, RECORD,
    )
}

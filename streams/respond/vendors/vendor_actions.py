"""What people do at PagerDuty and in ServiceNow, as the same signed records as over HTTP.

Who it was is known by the account at the vendor: by `contacts` or `mail` of a person under `people`, else as
`pagerduty:NAME` or `servicenow:NAME`, who may do what `respond.vendor_roles` gives to the vendor for services without
owners. Whoever may not is refused and audited. What is older than an acknowledgement lasts changes nothing. Guarantee
on a repeat: one time, person and incident make one record id, and a record is applied once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import structlog

from actions.approvals.desk import Desk
from actions.channels.inert import one_line
from actions.trust.people import Directory
from actions.trust.roles import Verb, may_not
from classifiers.by_hand import Assign, Resolve
from classifiers.directive_fields import Vendor
from classifiers.directives import Acknowledge
from classifiers.model import AuditEntry, Incident
from streams.respond.http.control_log import ControlLog
from streams.respond.http.verbs import ACK_S

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.vendors")

VendorVerb = Literal["acknowledge", "unacknowledge", "resolve", "assign"]
NEEDS: Mapping[VendorVerb, Verb] = {
    "acknowledge": "acknowledge", "unacknowledge": "acknowledge", "resolve": "resolve", "assign": "assign",
}
NAMES: Mapping[Vendor, str] = {"pagerduty": "PagerDuty", "servicenow": "ServiceNow"}
ENDS_AFTER_S = 1.0
"""An acknowledgement that is taken back lasts this long, since a period has a length."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody at a vendor. id: as the vendor knows the person. name: as it is shown. mail: where it is told."""

    id: str
    name: str
    mail: str | None = None


@dataclass(frozen=True, slots=True)
class VendorAction:
    """What somebody did at a vendor at a time, seconds since the epoch. to: who has it now, for `assign`."""

    vendor: Vendor
    verb: VendorVerb
    incident_id: str
    by: Account
    at_s: float
    to: Account | None = None


@dataclass(frozen=True, slots=True)
class Became:
    """What became of an action. text: a sentence. made: the record that was written, None for none."""

    text: str
    made: Acknowledge | Resolve | Assign | None = None


class Refused(Exception):  # noqa: N818  it is an answer
    """Something that does not count, and why. by: who did it."""

    def __init__(self, reason: str, by: str) -> None:
        super().__init__(reason)
        self.by = by


class VendorActions:
    """Turns what people do at vendors into records. people: by vendor, the person of an account or a mail address.
    control: writes the records. now_s: the clock of decisions. dated_within_s: a record of something older than this is
    dated by the clock here, since it would be refused as too old.
    """

    def __init__(
        self, desk: Desk, directory: Directory, people: Mapping[Vendor, Mapping[str, str]], control: ControlLog,
        now_s: Callable[[], float], dated_within_s: float,
    ) -> None:
        self._desk = desk
        self._directory = directory
        self._people = people
        self._control = control
        self._now_s = now_s
        self._dated_within_s = dated_within_s

    async def take(self, action: VendorAction) -> Became:
        """What became of it, also of what does not count. Raises KafkaError."""
        incident = self._desk.incident(action.incident_id)
        if incident is None:
            return self._noted(action, f"incident {one_line(action.incident_id, 60)}: unknown")
        try:
            made = self._directive(action, incident)
        except Refused as refused:
            subject = f"{action.vendor} {action.verb} {incident.id}"
            reason = f"{refused} ({action.vendor})"
            entry = AuditEntry(self._now_s(), subject, "refused", None, "refused", reason, refused.by)
            await self._control.refused(entry)
            return self._noted(action, f"refused: {refused}")
        if isinstance(made, str):
            return self._noted(action, made)
        await self._control.write(made)
        return self._noted(action, f"written: {action.verb} by {made.by}", made)

    def name_of(self, vendor: Vendor, account: Account) -> str:
        """The person of an account; `VENDOR:NAME` for one that belongs to nobody."""
        known = self._people.get(vendor, {})
        person = known.get(account.id) or (None if account.mail is None else known.get(account.mail))
        return person or f"{vendor}:{one_line(account.name or account.id, 60)}"

    def _directive(self, action: VendorAction, incident: Incident) -> Acknowledge | Resolve | Assign | str:
        """The record, or why there is none. Raises `Refused`."""
        by, verb = self.name_of(action.vendor, action.by), NEEDS[action.verb]
        now_s = self._now_s()
        if incident.state == "resolved":
            return "the incident is resolved already"
        if now_s - action.at_s >= ACK_S:
            return f"it is {now_s - action.at_s:.0f} s old"
        if not self._directory.may(by, verb, incident.service):
            raise Refused(may_not(by, verb), by)
        if self._control.signer is None:
            raise Refused("signing.private_file: none, so nothing can be signed for people", by)
        is_recent = 0.0 <= now_s - action.at_s < self._dated_within_s
        return self._made(action, incident, by, action.at_s if is_recent else now_s)

    def _made(
        self, action: VendorAction, incident: Incident, by: str, at_s: float,
    ) -> Acknowledge | Resolve | Assign | str:
        where = f"in {NAMES[action.vendor]}"
        current = incident.acknowledged
        if action.verb == "assign":
            to = None if action.to is None else self.name_of(action.vendor, action.to)
            return "it is assigned to nobody" if to is None else Assign(incident.id, to, by, at_s, action.vendor)
        if action.verb == "unacknowledge":
            return Acknowledge(incident.id, by, at_s, at_s + ENDS_AFTER_S, f"taken back {where}")
        if action.verb == "resolve" and not any(one.alarming for one in incident.evidence):
            return Resolve(incident.id, by, at_s, f"resolved {where}", action.vendor)
        comment = where if action.verb == "acknowledge" else f"resolved {where} while it alarms"
        if current is not None and current.by == by and current.at_s >= action.at_s:
            return "it is acknowledged so already"
        return Acknowledge(incident.id, by, at_s, max(at_s + ENDS_AFTER_S, action.at_s + ACK_S), comment)

    def _noted(
        self, action: VendorAction, became: str, made: Acknowledge | Resolve | Assign | None = None,
    ) -> Became:
        log.info(
            "vendor_action", vendor=action.vendor, verb=action.verb, incident_id=action.incident_id, became=became,
        )
        return Became(became, made)

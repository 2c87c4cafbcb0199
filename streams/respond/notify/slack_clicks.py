"""What people click and submit in Slack, as the same signed records as over HTTP, with `via: slack`.

A person is known by the ids of team and user, never by a name; a click of anybody else is refused and audited.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from actions.approvals.decide import decided_by
from actions.approvals.desk import Desk
from actions.channels.inert import one_line
from actions.channels.kinds.slack_views import BrokenView, about_of, asked_silence, covered, silence_view
from actions.kinds.http import JsonValue
from actions.outbox.releases import Releases
from actions.trust.keys import Signer
from actions.trust.people import Directory
from actions.trust.roles import may_not
from classifiers.by_hand import Decide
from classifiers.directives import Acknowledge, Silence
from classifiers.incident_silence import silence_of, silenced_text
from classifiers.model import AuditEntry, Incident
from classifiers.telling_by_hand import Release, ReleaseVerb
from streams.respond.http.control_log import ControlLog
from streams.respond.http.verbs import ACK_S


class Refused(Exception):  # noqa: N818  it is an answer
    """A click that does not count, and why."""


@dataclass(frozen=True, slots=True)
class Dialog:
    """What a click asks before it counts: a view for `views.open`."""

    view: dict[str, JsonValue]


class SlackClicks:
    """Turns the payload of an interaction into a record. control: writes it. now_s: the clock of decisions. releases:
    the texts that wait for a person. max_silence_s: how long a silence may last.
    """

    def __init__(
        self, desk: Desk, directory: Directory, control: ControlLog, now_s: Callable[[], float], releases: Releases,
        max_silence_s: float,
    ) -> None:
        self._releases = releases
        self._desk = desk
        self._directory = directory
        self._control = control
        self._now_s = now_s
        self._max_silence_s = max_silence_s

    async def take(self, payload: Mapping[str, Any]) -> str | Dialog:
        """What a click or a submitted dialog came to, as a sentence for the person; or the dialog that comes first.
        Raises KafkaError, and nothing for what the payload contains.
        """
        user, team = _part(payload, "user"), _part(payload, "team")
        ids = f"{user.get('team_id') or team.get('id')}/{user.get('id')}"
        verb, value = _asked(payload)
        person = self._directory.of_slack(ids)
        try:
            if person is None:
                raise Refused(f"the user {one_line(ids, 60)} of Slack is nobody under `people`")
            directive: Decide | Acknowledge | Silence | Release
            if verb == "silence":
                if not _is_submitted(payload):
                    return self._dialog(value, person, str(_part(payload, "channel").get("id", "")))
                directive = self._silence(payload, person)
            else:
                directive = self._directive("" if _is_submitted(payload) else verb, value, person)
            await self._control.write(directive)
        except Refused as refused:
            entry = AuditEntry(
                self._now_s(), f"slack {one_line(verb, 40)}", "refused", None, "refused", f"{refused} (slack)", person,
            )
            await self._control.refused(entry)
            return f"Refused: {refused}"
        return f"Written: {verb} by {person}"

    def _directive(self, verb: str, value: str, person: str) -> Decide | Acknowledge | Release:
        """Raises `Refused`."""
        if verb == "acknowledge":
            incident, now_s = self._incident("acknowledge", value, person), self._now_s()
            return Acknowledge(incident.id, person, now_s, now_s + ACK_S, "in Slack")
        if verb in ("release", "withdraw"):
            return self._release("release" if verb == "release" else "withdraw", value, person)
        if verb not in ("approve", "reject"):
            expected = "approve, reject, acknowledge, silence, release or withdraw"
            raise Refused(f"the action {one_line(verb, 40)!r}, expected {expected}")
        key, _, digest = value.partition(" ")
        request = self._desk.requests.get(key)
        if request is None:
            raise Refused(f"request {one_line(key, 60)!r}: unknown")
        if request.state != "requested":
            raise Refused(f"the request is {request.state}: {request.reason}")
        if digest != (request.intent.digest or ""):
            raise Refused("the terms were changed since the message was sent")
        if not self._directory.roles(person, request.intent.service).intersection(request.terms.roles):
            raise Refused(f"{person} may not decide this request, expected the role {' or '.join(request.terms.roles)}")
        signer = self._signer()
        at_s, source = self._now_s(), self._control.source
        made = "approve" if verb == "approve" else "reject"
        return decided_by(request, person, made, "slack", at_s, source, signer)  # type: ignore[arg-type]

    def _dialog(self, incident_id: str, person: str, channel: str) -> Dialog:
        """What asks how long and why to silence. Raises `Refused`."""
        view = silence_view(self._incident("silence", incident_id, person), channel, self._max_silence_s)
        if view is None:
            raise Refused("a label of the incident is too long for a silence")
        return Dialog(view)

    def _silence(self, payload: Mapping[str, Any], person: str) -> Silence:
        """What a person submitted. Raises `Refused`."""
        try:
            asked = asked_silence(payload)
        except BrokenView as error:
            raise Refused(str(error)) from None
        incident = self._incident("silence", asked.incident_id, person)
        if covered(silenced_text(incident) or "") != asked.covered:
            raise Refused("what the silence would cover was changed since the dialog opened; click Silence again")
        if asked.lasts_s > self._max_silence_s:
            raise Refused(f"{asked.lasts_s / 60.0:g} min, expected at most {self._max_silence_s / 60.0:g}")
        return silence_of(incident, person, self._now_s(), asked.lasts_s, f"{asked.reason} (in Slack)")

    def _incident(self, verb: Literal["acknowledge", "silence"], incident_id: str, person: str) -> Incident:
        """The open incident, for which the person may do this. Raises `Refused`."""
        incident = self._desk.incident(incident_id)
        if incident is None:
            raise Refused(f"incident {one_line(incident_id, 60)!r}: unknown")
        if incident.state == "resolved":
            raise Refused(f"incident {incident_id}: resolved already")
        if not self._directory.may(person, verb, incident.service):
            raise Refused(may_not(person, verb))
        self._signer()
        return incident

    def _release(self, verb: ReleaseVerb, digest: str, person: str) -> Release:
        text = self._releases.text(digest)
        if text is None or text.draft is None:
            raise Refused("the text does not wait any more, or was changed since the message was sent")
        fault = self._releases.fault(text.draft, person)
        if fault is not None:
            raise Refused(fault)
        self._signer()
        return Release(digest, verb, person, self._now_s(), "in Slack", "slack")

    def _signer(self) -> Signer:
        if self._control.signer is None:
            raise Refused("signing.private_file: none, so nothing can be signed for people")
        return self._control.signer


def _asked(payload: Mapping[str, Any]) -> tuple[str, str]:
    """The verb of a click or of a dialog, and what it is about."""
    if _is_submitted(payload):
        name = str(_part(payload, "view").get("callback_id", ""))
        return name.removeprefix("tocsin_"), str(about_of(payload).get("incident_id", ""))
    actions = payload.get("actions")
    action = actions[0] if isinstance(actions, list) and actions and isinstance(actions[0], dict) else {}
    return str(action.get("action_id", "")).removeprefix("tocsin_"), str(action.get("value", ""))


def _is_submitted(payload: Mapping[str, Any]) -> bool:
    """Whether it comes from a dialog and not from a button."""
    return payload.get("type") == "view_submission"


def _part(payload: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = payload.get(name)
    return found if isinstance(found, Mapping) else {}

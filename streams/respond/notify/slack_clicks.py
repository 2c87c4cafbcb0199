"""What people click in Slack, as the same signed records as over HTTP, with `via: slack`.

A person is known by the ids of team and user, never by a name; a click of anybody else is refused and audited.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from actions.approvals.decide import decided_by
from actions.approvals.desk import Desk
from actions.channels.inert import one_line
from actions.channels.texts import SILENCE_S
from actions.outbox.releases import Releases
from actions.trust.keys import Signer
from actions.trust.people import Directory
from actions.trust.roles import roles_that_may
from classifiers.by_hand import Decide
from classifiers.directives import Acknowledge, Silence
from classifiers.incident_silence import silence_of
from classifiers.model import AuditEntry
from classifiers.telling_by_hand import Release, ReleaseVerb
from streams.respond.http.control_log import ControlLog
from streams.respond.http.verbs import ACK_S


class Refused(Exception):  # noqa: N818  it is an answer
    """A click that does not count, and why."""


class SlackClicks:
    """Turns the payload of an interaction into a record. control: writes it. now_s: the wall clock. releases: the texts
    that wait for a person.
    """

    def __init__(
        self, desk: Desk, directory: Directory, control: ControlLog, now_s: Callable[[], float], releases: Releases,
    ) -> None:
        self._releases = releases
        self._desk = desk
        self._directory = directory
        self._control = control
        self._now_s = now_s

    async def take(self, payload: Mapping[str, Any]) -> str:
        """What a click came to, as a sentence for the person who clicked. Raises KafkaError, and nothing for what the
        payload contains.
        """
        user, team = _part(payload, "user"), _part(payload, "team")
        ids = f"{user.get('team_id') or team.get('id')}/{user.get('id')}"
        actions = payload.get("actions")
        action = actions[0] if isinstance(actions, list) and actions and isinstance(actions[0], dict) else {}
        verb = str(action.get("action_id", "")).removeprefix("tocsin_")
        person = self._directory.of_slack(ids)
        try:
            if person is None:
                raise Refused(f"the user {one_line(ids, 60)} of Slack is nobody under `people`")
            directive = self._directive(verb, str(action.get("value", "")), person)
            await self._control.write(directive)
        except Refused as refused:
            entry = AuditEntry(
                self._now_s(), f"slack {one_line(verb, 40)}", "refused", None, "refused", f"{refused} (slack)", person,
            )
            await self._control.refused(entry)
            return f"Refused: {refused}"
        return f"Written: {verb} by {person}"

    def _directive(self, verb: str, value: str, person: str) -> Decide | Acknowledge | Silence | Release:
        """Raises `Refused`."""
        if verb in ("acknowledge", "silence"):
            return self._about_incident("acknowledge" if verb == "acknowledge" else "silence", value, person)
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

    def _about_incident(
        self, verb: Literal["acknowledge", "silence"], incident_id: str, person: str,
    ) -> Acknowledge | Silence:
        incident = self._desk.incident(incident_id)
        if incident is None:
            raise Refused(f"incident {one_line(incident_id, 60)!r}: unknown")
        if incident.state == "resolved":
            raise Refused(f"incident {incident_id}: resolved already")
        if not self._directory.may(person, verb, incident.service):
            expected = " or ".join(roles_that_may(verb))
            raise Refused(f"{person} may not {verb}, expected the role {expected}")
        self._signer()
        now_s = self._now_s()
        if verb == "silence":
            try:
                return silence_of(incident, person, now_s, SILENCE_S, f"in Slack, at incident {incident_id}")
            except ValueError as error:
                raise Refused(one_line(str(error), 200)) from None
        return Acknowledge(incident_id, person, now_s, now_s + ACK_S, "in Slack")

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


def _part(payload: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = payload.get(name)
    return found if isinstance(found, Mapping) else {}

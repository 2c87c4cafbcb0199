"""From a request of a person to a directive: the JSON bodies, and what each path asks for.

Pure but for the signature of a decision. `ValueError` names the field, its value and what was expected.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, get_args

from actions.approvals.decide import decided_by
from actions.approvals.request import ApprovalRequest
from actions.model import DecisionVerb
from actions.reviews.record import ActionItem
from actions.trust.keys import Signer
from actions.trust.roles import Verb
from classifiers.by_hand import (
    Assign,
    BreakerVerb,
    ByHand,
    Decide,
    IncidentRole,
    Keep,
    ResetStorm,
    Resolve,
    SetBreaker,
    Undo,
    Update,
    Withdraw,
)
from classifiers.directives import Acknowledge, Expire, OfPerson
from classifiers.incident_silence import silence_of
from classifiers.model import Incident
from classifiers.reviews_by_hand import ItemMark, SetItem
from classifiers.telling_by_hand import Escalate, Release, ReleaseVerb
from classifiers.viewing_by_hand import WATCH_S, Watch

ACK_S = 3600.0
INCIDENT_VERBS: Mapping[str, Verb] = {
    "acknowledge": "acknowledge", "resolve": "resolve", "assign": "assign", "update": "update",
    "escalate": "escalate", "silence": "silence", "unsilence": "silence",
}
REMEDY_VERBS: Mapping[str, Verb] = {"undo": "undo", "keep": "keep"}


def text_of(body: Mapping[str, Any], name: str, default: str | None = "") -> str:
    """A text of the body, without blanks around it; None as default where it must be there."""
    value = body.get(name, default)
    if not isinstance(value, str):
        raise ValueError(f"{name} {value!r}, expected a text")
    return value.strip()


def decision_of(
    request: ApprovalRequest, body: Mapping[str, Any], person: str, at_s: float, source: str, signer: Signer,
) -> Decide | Withdraw:
    """A decision about a request, signed for the person. The body has `verb`, `digest` and perhaps `comment`.

    `digest` is that of the terms which the person saw, so that a decision about older terms does not count.
    """
    verb, comment = text_of(body, "verb", None), text_of(body, "comment")
    if verb == "withdraw":
        return Withdraw(request.key, person, at_s, comment, "http")
    if verb not in get_args(DecisionVerb):
        raise ValueError(f"verb {verb!r}, expected one of {', '.join((*get_args(DecisionVerb), 'withdraw'))}")
    digest, expected = text_of(body, "digest", None), request.intent.digest or ""
    if digest != expected:
        raise ValueError(f"digest {digest[:80]!r}, expected {expected!r}: the terms that wait now")
    return decided_by(request, person, verb, "http", at_s, source, signer, comment)  # type: ignore[arg-type]


def incident_directive(
    verb: str, incident: Incident, body: Mapping[str, Any], person: str, at_s: float,
) -> OfPerson:
    """What is asked for an incident."""
    incident_id, comment = incident.id, text_of(body, "comment")
    if verb == "acknowledge":
        return Acknowledge(incident_id, person, at_s, at_s + _seconds(body), comment)
    if verb == "silence":
        if not comment:
            raise ValueError("comment '', expected the reason why nobody is told")
        return silence_of(incident, person, at_s, _seconds(body), comment)
    if verb == "unsilence":
        raise ValueError(f"incident {incident_id!r}: not silenced, expected one that is")
    if verb == "resolve":
        return Resolve(incident_id, person, at_s, comment, "http")
    if verb == "escalate":
        to = None if body.get("to") is None else text_of(body, "to")
        return Escalate(incident_id, person, at_s, text_of(body, "comment", None), to, "http")
    if verb == "assign":
        role, remove = text_of(body, "role", "owner"), body.get("remove", False)
        if role not in get_args(IncidentRole):
            raise ValueError(f"role {role!r}, expected one of {', '.join(get_args(IncidentRole))}")
        if not isinstance(remove, bool):
            raise ValueError(f"remove {remove!r}, expected true or false")
        to = text_of(body, "to", None)
        return Assign(incident_id, to, person, at_s, "http", role, remove, comment)  # type: ignore[arg-type]
    return Update(incident_id, person, at_s, text_of(body, "comment", None), "http")


def expire_directive(silence_id: str, body: Mapping[str, Any], person: str, at_s: float) -> Expire:
    """The end of a silence before its time."""
    return Expire(silence_id, person, at_s, text_of(body, "comment"))


def release_directive(digest: str, body: Mapping[str, Any], person: str, at_s: float) -> Release:
    """What is asked for a text that waits. The body has `verb`."""
    verb = text_of(body, "verb", None)
    if verb not in get_args(ReleaseVerb):
        raise ValueError(f"verb {verb!r}, expected one of {', '.join(get_args(ReleaseVerb))}")
    return Release(digest, verb, person, at_s, text_of(body, "comment"), "http")  # type: ignore[arg-type]


def item_directive(known: ActionItem, body: Mapping[str, Any], person: str, at_s: float) -> SetItem:
    """What is asked for an action item. The body has at least one of `state`, `owner` and `due`."""
    given = {name: text_of(body, name, None) for name in ("state", "owner", "due") if body.get(name) is not None}
    mark, due = given.get("state"), given.get("due")
    if mark is not None and mark not in get_args(ItemMark):
        raise ValueError(f"state {mark!r}, expected one of {', '.join(get_args(ItemMark))}")
    fault = None if mark is None else known.why_not(mark)  # type: ignore[arg-type]
    if fault is not None:
        raise ValueError(f"state {mark!r}: {fault}")
    return SetItem(
        known.id, known.incident_id, person, at_s, mark, given.get("owner"),  # type: ignore[arg-type]
        None if due is None else _day(due), text_of(body, "comment"), "http",
    )


def watch_directive(body: Mapping[str, Any], person: str, at_s: float) -> Watch:
    """The windows of a series are to be published. The body has `service`, `model`, `metric` and `part`."""
    model = None if body.get("model") is None else text_of(body, "model")
    service, metric, part = (text_of(body, name, None) for name in ("service", "metric", "part"))
    return Watch(service, model, metric, part, person, at_s, at_s + WATCH_S)


def _seconds(body: Mapping[str, Any]) -> float:
    lasts_s = body.get("for_s", ACK_S)
    if not isinstance(lasts_s, int | float) or isinstance(lasts_s, bool) or lasts_s <= 0:
        raise ValueError(f"for_s {lasts_s!r}, expected seconds, more than 0")
    return float(lasts_s)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"due {text[:40]!r}, expected a day such as 2026-12-01") from None


def remedy_directive(
    verb: str, kind: str, target: str, body: Mapping[str, Any], person: str, at_s: float,
) -> ByHand:
    """What is asked for a remedy in force."""
    make = Undo if verb == "undo" else Keep
    return make(kind, target, person, at_s, text_of(body, "comment"), "http")


def breaker_directive(target: str, body: Mapping[str, Any], person: str, at_s: float) -> SetBreaker:
    """What is asked for a breaker. The body has `verb`."""
    verb = text_of(body, "verb", None)
    if verb not in get_args(BreakerVerb):
        raise ValueError(f"verb {verb!r}, expected one of {', '.join(get_args(BreakerVerb))}")
    return SetBreaker(target, verb, person, at_s, text_of(body, "comment"), "http")  # type: ignore[arg-type]


def storm_directive(body: Mapping[str, Any], person: str, at_s: float) -> ResetStorm:
    """The release of the storm brake."""
    return ResetStorm(person, at_s, text_of(body, "comment"), "http")

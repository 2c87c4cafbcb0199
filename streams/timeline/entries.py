"""One line of the timeline of an incident, from each kind of record that tells of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from actions.channels.notification import Notification
from actions.ledger.view import JOINED
from actions.model import Intent, Outcome
from actions.remedies.notices import NOTICE
from classifiers.learning.feedback_entry import feedback_of
from classifiers.model import NOTIFICATIONS, ActionRecord, AuditEntry, Incident
from streams.timeline.words import FEEDBACK, MESSAGES, MODES, RESOLUTIONS, event_words, plain, verdict_words

OPENED = ("confirm", "flap")
ENDED = ("hold", "accept", "expect", "close", "lose")


@dataclass(frozen=True, slots=True)
class Entry:
    """at_s: seconds since the epoch. subject, event: by their names on the wire. kind: detection, audit, action,
    notification or update. words: the event. what: what happened, in words. why: empty where `what` says all. who: the
    person, None where nobody asked for it. is_approved: of a decision that people approved, which follows from that.
    """

    at_s: float
    subject: str
    event: str
    kind: str
    words: str
    what: str
    why: str = ""
    who: str | None = None
    is_approved: bool = False


def of_audit(one: AuditEntry) -> Entry:
    """An entry of the audit."""
    words = event_words(one.event, one.subject)
    if one.event == "verify" and one.after is not None:
        words = verdict_words(one.after)
    what, why = one.reason, ""
    said = feedback_of(one)
    if said is not None:
        what, why = FEEDBACK[said], one.reason if said == "fault" else ""
    if one.subject.startswith("person/"):
        what, why = one.subject.removeprefix("person/"), one.reason
    kind = "update" if one.event == "update" else "audit"
    return Entry(one.at_s, one.subject, one.event, kind, words, what, why, one.actor)


def of_intent(one: Intent) -> Entry:
    """A decision to act."""
    how = _how([each.who for each in one.decisions], one.mode)
    what = f"{action_text(one.kind, one.target, one.undo)} ({how})"
    return Entry(
        one.decided_at_s, one.key, "decided", "action", event_words("decided"), what, one.reason, one.asked_by,
        bool(one.decisions),
    )


def of_outcome(one: Outcome) -> Entry:
    """A result of a decision, or what the executor reports by itself about what is in force."""
    event, at_s, is_notice = str(one.status), one.done_at_s, NOTICE in one.data
    if is_notice:
        changed_at_s = one.data.get("changed_at_s")
        event = f"remedy_{one.data.get('breaker_state') or one.data.get('remedy_state')}"
        at_s = changed_at_s if isinstance(changed_at_s, float) else at_s
    what = action_text(one.kind, one.target, one.undo and not is_notice)
    who = ", ".join(each.who for each in one.decisions) or None
    return Entry(at_s, one.key, event, "action", nothing_ran(one) or event_words(event), what, one.detail, who)


def nothing_ran(one: Outcome) -> str | None:
    """In words, that nothing was done at the target, and nothing had to be; None where something was."""
    if not one.data.get(JOINED):
        return None
    return "not undone" if one.undo else "in force already"


def of_notification(one: Notification) -> Entry:
    """How far a message is."""
    about = MESSAGES.get(one.message.event) or plain(one.message.event)
    what = f"{about}, to {one.message.recipient or one.channel} via {one.channel}"
    return Entry(
        one.changed_at_s, one.subject, one.state, "notification", event_words(one.state, one.subject), what, one.reason,
    )


def of_incident(one: Incident) -> Iterator[Entry]:
    """What the incident itself says: all that is left once audit, decisions and outcomes are gone."""
    yield _own(one.onset_at_s, one, "onset", "detection", "the change is estimated to have begun")
    yield _own(one.opened_at_s, one, "opened", "detection", one.title)
    for action in one.actions:
        yield from _of_action(action)
    for remedy in one.remedies:
        what = f"{action_text(remedy.kind, remedy.target)}: {remedy.detail}"
        yield Entry(remedy.since_s, one.id, "verify", "audit", verdict_words(remedy.state), what)
    for note in one.notes:
        yield Entry(note.at_s, one.id, "update", "update", event_words("update"), note.text, "", note.by)
    if one.acknowledged is not None:
        by = one.acknowledged.by
        yield Entry(one.acknowledged.at_s, one.id, "acknowledge", "audit", event_words("acknowledge"), "", "", by)
    if one.resolved_at_s is not None:
        why = "by itself" if one.resolution is None else RESOLUTIONS[one.resolution]
        yield _own(one.resolved_at_s, one, "resolved", "detection", why)


def action_text(kind: str, target: str, undo: bool = False) -> str:
    """An action at its target.

    >>> action_text("circuit_breaker", "chat/my_replica", True)
    'undo circuit breaker chat/my_replica'
    """
    return f"{'undo ' if undo else ''}{plain(kind)} {target}"


def _how(approvers: Sequence[str], mode: str) -> str:
    return f"approved by {', '.join(approvers)}" if approvers else MODES.get(mode) or mode


def _of_action(one: ActionRecord) -> Iterator[Entry]:
    what = action_text(one.kind, one.target, one.undo)
    how = _how(one.approved_by, one.mode)
    yield Entry(
        one.decided_at_s, one.key, "decided", "action", event_words("decided"), f"{what} ({how})",
        is_approved=bool(one.approved_by),
    )
    if one.done_at_s is not None and one.kind not in NOTIFICATIONS:
        yield Entry(one.done_at_s, one.key, one.status, "action", event_words(one.status), what)


def _own(at_s: float, one: Incident, event: str, kind: str, what: str) -> Entry:
    return Entry(at_s, one.id, event, kind, event_words(event), what)

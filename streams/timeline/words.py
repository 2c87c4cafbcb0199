"""The words that people read for events of the audit, statuses and states: one table for page, command line and review.

The names on the wire stay as they are. A name that is not here is shown with blanks for its underscores. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from classifiers.model import AuditEntry, FeedbackKind

INCIDENT: Mapping[str, str] = {
    "onset": "change began", "opened": "incident opened", "resolved": "incident over",
    "alarm": "alarm", "confirm": "incident opened", "flap": "incident opened, comes and goes",
    "withhold": "no incident, told lately",
    "fade": "alarms ended", "absorb": "merged into another", "calm": "alarms stopped", "hold": "recovered",
    "accept": "taken as the new normal", "expect": "called a planned change", "close": "resolved by hand",
    "lose": "ended, its state was lost", "reopen": "opened again", "inhibit": "caused by another incident",
    "release": "no longer caused by another incident", "severity": "severity changed",
    "verify": "effect judged", "skip": "step not taken", "leave": "left the fleet",
    "hold_back": "beyond what was planned", "end": "planned change over",
    "silence": "silenced", "lift": "silence over", "acknowledge": "acknowledged", "lapse": "acknowledgement ran out",
    "assign": "assigned", "unassign": "no longer assigned", "update": "update", "feedback": "feedback",
    "review": "review", "item": "action item", "accepted": "signed request accepted",
}
ACTION: Mapping[str, str] = {
    "decided": "action decided", "claimed": "action started", "expire": "no answer in time",
    "executed": "action done", "dry_run": "action rehearsed only", "observed": "action not run, observe only",
    "suggested": "approval asked for", "failed": "action failed", "expired": "too late, not done",
    "cooldown": "not done, ran too lately", "duplicate": "repeat, not done again", "refused": "refused",
    "interrupted": "action interrupted", "requested": "approval asked for", "approval": "one approval given",
    "approved": "approved", "rejected": "rejected", "withdrawn": "request taken back",
    "void": "request no longer valid", "released": "approved, runs now", "break_glass": "run without approval",
    "remedy_applying": "being applied", "remedy_applied": "in force", "remedy_kept": "kept in force",
    "remedy_drifted": "changed by others", "remedy_undoing": "being undone", "remedy_undo_failed": "undo failed",
    "remedy_undone": "undone", "remedy_open": "circuit breaker open", "remedy_half_open": "circuit breaker on trial",
    "remedy_closed": "circuit breaker closed", "remedy_forced_open": "circuit breaker forced open",
    "remedy_disabled": "circuit breaker disabled",
}
ESCALATION: Mapping[str, str] = {
    "notice": "escalation opened, nobody is paged yet", "begin": "paging begins", "fire": "escalation step",
    "repeat": "paging begins again", "worsen": "paging goes on", "acknowledge": "paging stopped",
    "lapse": "acknowledgement over, paging goes on", "exhaust": "nobody answered", "suspend": "paging paused",
    "resume": "paging resumed", "settle": "no page needed any more", "close": "paging over",
    "hand_over": "pages handed on", "page": "paged by hand",
}
NOTIFICATION: Mapping[str, str] = {
    "draft": "text waits for release", "queued": "to be sent", "sending": "being sent", "sent": "sent",
    "retrying": "not taken yet, tried again", "failed": "not delivered", "superseded": "not needed any more",
    "withdrawn": "text not told", "released": "text released",
}
PERSON: Mapping[str, str] = {"paged": "paged"}
BY_SUBJECT: Mapping[str, Mapping[str, str]] = {
    "escalation/": ESCALATION, "notification/": NOTIFICATION, "person/": PERSON,
}
"""Whose events mean something else, by how the subject begins."""

STATES: Mapping[str, str] = {
    "watching": "watched", "pending": "suspected", "open": "open", "clearing": "no alarm for now",
    "flapping": "comes and goes", "resolved": "over", "dropped": "no incident", "absorbed": "part of another",
    "withheld": "a known habit",
    "idle": "nobody is paged", "active": "paging", "acknowledged": "acknowledged", "suspended": "paging paused",
    "exhausted": "nobody answered", "closed": "over",
}
"""Of incidents and escalations."""
STEPS: Mapping[str, str] = {
    "pending": "decided", "claimed": "started", "suggested": "waits for approval", "requested": "waits for approval",
    "approved": "approved", "released": "runs now", "executed": "done", "dry_run": "rehearsed only",
    "observed": "not run, observe only", "failed": "failed", "expired": "too late, not done",
    "cooldown": "not done, ran too lately", "duplicate": "repeat, not done again", "refused": "refused",
    "interrupted": "interrupted", "rejected": "rejected", "withdrawn": "taken back", "void": "no longer valid",
}
"""Of actions and requests."""
VERDICTS: Mapping[str, str] = {
    "applied": "applied", "verifying": "effect is checked", "recovered": "it helped",
    "not_recovered": "it did not help", "inconclusive": "too few requests to tell",
    "undone": "did not help, undone", "kept": "did not help, stays in force",
}
"""Of remedies, as the detectors judge them."""
MESSAGES: Mapping[str, str] = {
    "open": "incident opened", "change": "incident changed", "milestone": "progress", "close": "incident over",
    "page": "page", "approval": "request for approval", "update": "update", "test": "test",
}
"""What a notification is about."""
FEEDBACK: Mapping[FeedbackKind, str] = {
    "fault": "a fault", "false_alarm": "a false alarm", "planned_change": "a planned change",
}
"""What a person said that an incident was."""
RESOLUTIONS: Mapping[str, str] = {
    "lost": "the state that knew it was lost", "expected": "a person called it a planned change",
    "manual": "a person declared it over",
}
"""Why an incident is over that did not end by itself."""
MODES: Mapping[str, str] = {"observe": "observe only", "suggest": "asks for approval", "auto": "by itself"}
"""Of decisions to act."""


def event_words(event: str, subject: str = "") -> str:
    """An event of the audit. subject: of the entry, by which equal names are told apart.

    >>> event_words("lapse"), event_words("lapse", "escalation/inc-1"), event_words("some_event")
    ('acknowledgement ran out', 'acknowledgement over, paging goes on', 'some event')
    """
    for prefix, words in BY_SUBJECT.items():
        if subject.startswith(prefix):
            return words.get(event) or plain(event)
    return INCIDENT.get(event) or ACTION.get(event) or plain(event)


def step_words(status: str) -> str:
    """The status of an action or a request."""
    return STEPS.get(status) or plain(status)


def escalation_words(state: str) -> str:
    """The state of an escalation."""
    return STATES.get(state) or plain(state)


def verdict_words(state: str) -> str:
    """What became of a remedy."""
    return VERDICTS.get(state) or plain(state)


def change_words(entry: AuditEntry) -> str:
    """The state of a subject before and after, as far as it is known; empty for what has no state.

    >>> change_words(AuditEntry(1.0, "inc-1", "calm", "open", "clearing", "no alarm"))
    'open, then no alarm for now'
    """
    if entry.event == "feedback":
        return ""
    before, after = (None if one is None else _state(entry, one) for one in (entry.before, entry.after))
    if before is None or after is None or before == after:
        return after or before or ""
    return f"{before}, then {after}"


def plain(name: str) -> str:
    """A name with blanks."""
    return name.replace("_", " ")


def _state(entry: AuditEntry, state: str) -> str:
    if entry.event == "verify":
        return verdict_words(state)
    if entry.subject.startswith("notification/"):
        return NOTIFICATION.get(state) or plain(state)
    words = STATES if entry.event in INCIDENT or entry.subject.startswith("escalation/") else STEPS
    return words.get(state) or event_words(state)

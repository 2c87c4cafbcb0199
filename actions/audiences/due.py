"""What audiences are to be told of an incident, from what they were told before, as notifications of channels. Pure.

What was told is what the log of notifications has, so a restart tells nothing twice. A text that a person must release
first is a draft, which has another text, and so another digest, once the incident was changed in a way that shows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256

from actions.audiences.audience import EVENTS, Audience, TextEvent
from actions.audiences.decide import History, due_s, judge
from actions.audiences.labels import label
from actions.audiences.message import messages_of
from actions.audiences.sandbox import TemplateError, Text, render
from actions.audiences.values import values_of
from actions.channels.machine import ENDED, WAITING
from actions.channels.message import Message
from actions.channels.notification import Draft, Notification, changed, drafted, queued, redrafted
from actions.channels.routes import LATE_HOLD_S, KnownIncident, acknowledged, heard, rank_of
from classifiers.model import Incident

UNDER_WAY = WAITING | {"sending"}


class AudienceTexts:
    """audiences: that are configured. source: of the deployment."""

    def __init__(self, audiences: Sequence[Audience], source: str) -> None:
        self._audiences = {one.name: one for one in audiences}
        self._source = source

    def due(self, seen: KnownIncident, given: Collection[Notification], now_s: float) -> Iterator[Notification]:
        """What each audience is to be told now, as new notifications, and drafts that are to be changed.

        given: the notifications of this incident on all channels.
        """
        for audience in self._audiences.values():
            key = f"{self._source}/{seen.incident.id}/{audience.name}"
            own = [one for one in given if one.message.dedup_key == key]
            if not own and seen.is_late and now_s - seen.first_s < LATE_HOLD_S:
                continue
            drafts = [one for one in own if one.state == "draft"]
            yield from self._changed(audience, seen.incident, drafts, now_s)
            yield from self._due(audience, seen.incident, own, now_s)

    def invited(self, name: str, incident: Incident, now_s: float) -> list[Notification]:
        """What an audience is told for the first time because a step of an escalation says so, whatever its own reach.

        Empty for one that is not configured or has no channel. The ids are those of what it is told of the begin, so it
        is told once.
        """
        audience = self._audiences.get(name)
        if audience is None or incident.resolved_at_s is not None:
            return []
        return list(self._notifications(audience, incident, "open", "", History(), now_s))

    def _due(
        self, audience: Audience, incident: Incident, own: Sequence[Notification], now_s: float,
    ) -> Iterator[Notification]:
        history = History(max((one.created_at_s for one in own), default=None))
        unheard = audience.reach.release and not any(heard(one) or one.state in UNDER_WAY for one in own)
        for event, step in _events(audience, incident, own, history, now_s):
            if unheard and event != "close":
                event = "open"  # what was withdrawn or not released before says nothing to the audience
            if judge(audience, incident, event, history, now_s).answer != "no":
                yield from self._notifications(audience, incident, event, step, history, now_s)
                return

    def _notifications(
        self, audience: Audience, incident: Incident, event: TextEvent, step: str, history: History, now_s: float,
    ) -> Iterator[Notification]:
        text = _text(audience, incident, event, history, now_s)
        for channel, message in messages_of(audience, incident, event, text, self._source, step):
            if audience.reach.release:
                yield drafted(message, channel, _draft(audience, incident, message, now_s), now_s)
            else:
                yield queued(message, channel, urgent=False, now_s=now_s)

    def _changed(
        self, audience: Audience, incident: Incident, drafts: Sequence[Notification], now_s: float,
    ) -> Iterator[Notification]:
        """The drafts that say something else now, or that nobody must release any more."""
        for one in drafts:
            if not audience.reach.release:
                made = changed(one, "release", "the configuration releases it", now_s)
                yield replace(made, created_at_s=now_s, due_at_s=now_s)
            elif _is_outdated(audience, incident, one, now_s):
                event = _event_of(one)
                text = _text(audience, incident, event, History(), now_s)
                (_, message), *_ = messages_of(audience, incident, event, text, self._source)
                kept = one.message
                message = replace(message, id=kept.id, recipient=kept.recipient)
                yield redrafted(one, message, _draft(audience, incident, message, now_s), now_s)


def _text(audience: Audience, incident: Incident, event: TextEvent, history: History, now_s: float) -> Text:
    try:
        return render(audience.templates[event], values_of(audience, incident, event, history, now_s))
    except TemplateError:  # `tocsin check` names it; the audience is told the title rather than nothing
        return Text(f"[{incident.peak_severity}] {label(incident.title)}", f"Incident {label(incident.id)}")


def _draft(audience: Audience, incident: Incident, message: Message, now_s: float) -> Draft:
    """The digest covers what is sent, to whom as an audience, and when it was written."""
    parts = (message.dedup_key, message.event, message.severity, message.title, message.text, f"{now_s:.3f}")
    digest = sha256("".join(f"{len(part)}:{part}" for part in parts).encode()).hexdigest()[:24]
    return Draft(audience.name, incident.service, digest, audience.reach.release)


def _event_of(one: Notification) -> TextEvent:
    return next(event for event in EVENTS if event == one.message.event)


def _is_outdated(audience: Audience, incident: Incident, one: Notification, now_s: float) -> bool:
    """Whether a draft differs from what would be said as of when it was written, or promises an update in the past.

    A draft that does not fit the incident any more at all is replaced by another one, and not changed.
    """
    event = _event_of(one)
    if (incident.resolved_at_s is not None) != (event == "close"):
        return False
    if event != "open" and incident.peak_severity != one.message.severity:
        return False
    every_s = audience.reach.every_s
    if event != "close" and every_s is not None and now_s - one.changed_at_s > every_s:
        return True
    as_written = _text(audience, incident, event, History(), one.changed_at_s)
    return (as_written.title, as_written.body) != (one.message.title, one.message.text)


def _events(
    audience: Audience, incident: Incident, own: Sequence[Notification], history: History, now_s: float,
) -> Iterator[tuple[TextEvent, str]]:
    """The events that the audience was not told of, the most telling first, each with its step."""
    if incident.state == "resolved":
        if any(map(heard, own)) and not any(one.message.event == "close" for one in own):
            yield "close", ""
        return
    if not own:
        yield "open", ""
        return
    waits = any(one.state == "draft" and one.message.event == "open" for one in own)
    if rank_of(incident.peak_severity) < min(rank_of(one.message.severity) for one in own) and not waits:
        yield "change", incident.peak_severity
    if any(one.state not in ENDED for one in own):
        return
    if "milestone" in audience.reach.on:
        last_s = history.last_s or 0.0
        newest_s = max((one.at_s for one in incident.notes), default=None)
        if newest_s is not None and newest_s > last_s:
            yield "milestone", f"note/{newest_s:.3f}"
        working = incident.acknowledged
        if working is not None and working.at_s > last_s and acknowledged(incident, now_s):
            yield "milestone", f"acknowledged/{working.at_s:.3f}"
    next_s = due_s(audience, incident, history)
    if next_s is not None and now_s >= next_s:
        yield "milestone", f"update/{len({one.created_at_s for one in own})}"

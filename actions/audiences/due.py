"""What audiences are to be told of an incident, from what they were told before, as notifications of channels. Pure.

What was told is what the log of notifications has, so a restart tells nothing twice. A text that a person must release
first is not told here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from actions.audiences.audience import Audience, TextEvent
from actions.audiences.decide import History, due_s, judge
from actions.audiences.labels import label
from actions.audiences.message import messages_of
from actions.audiences.sandbox import TemplateError, Text, render
from actions.audiences.values import values_of
from actions.channels.machine import ENDED
from actions.channels.notification import Notification, queued
from actions.channels.routes import LATE_HOLD_S, KnownIncident, acknowledged, heard, rank_of
from classifiers.model import Incident


class AudienceTexts:
    """audiences: that are configured. source: of the deployment."""

    def __init__(self, audiences: Sequence[Audience], source: str) -> None:
        self._audiences = {one.name: one for one in audiences}
        self._source = source

    def due(self, seen: KnownIncident, given: Collection[Notification], now_s: float) -> Iterator[Notification]:
        """What each audience is to be told now. given: the notifications of this incident on all channels."""
        for audience in self._audiences.values():
            key = f"{self._source}/{seen.incident.id}/{audience.name}"
            own = [one for one in given if one.message.dedup_key == key]
            if not own and seen.is_late and now_s - seen.first_s < LATE_HOLD_S:
                continue
            yield from self._due(audience, seen.incident, own, now_s)

    def invited(self, name: str, incident: Incident, now_s: float) -> list[Notification]:
        """What an audience is told for the first time because a step of an escalation says so, whatever its own reach.

        Empty for one that is not configured, has no channel, or whose texts must be released. The ids are those of what
        it is told of the begin, so it is told once.
        """
        audience = self._audiences.get(name)
        if audience is None or audience.reach.release or incident.resolved_at_s is not None:
            return []
        return list(self._notifications(audience, incident, "open", "", History(), now_s))

    def _due(
        self, audience: Audience, incident: Incident, own: Sequence[Notification], now_s: float,
    ) -> Iterator[Notification]:
        history = History(max((one.created_at_s for one in own), default=None))
        for event, step in _events(audience, incident, own, history, now_s):
            if judge(audience, incident, event, history, now_s).answer == "tell":
                yield from self._notifications(audience, incident, event, step, history, now_s)
                return

    def _notifications(
        self, audience: Audience, incident: Incident, event: TextEvent, step: str, history: History, now_s: float,
    ) -> Iterator[Notification]:
        try:
            text = render(audience.templates[event], values_of(audience, incident, event, history, now_s))
        except TemplateError:  # `tocsin check` names it; the audience is told the title rather than nothing
            text = Text(f"[{incident.peak_severity}] {label(incident.title)}", f"Incident {label(incident.id)}")
        for channel, message in messages_of(audience, incident, event, text, self._source, step):
            yield queued(message, channel, urgent=False, now_s=now_s)


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
    if rank_of(incident.peak_severity) < min(rank_of(one.message.severity) for one in own):
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

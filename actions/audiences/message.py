"""What an audience is told, as the message that channels deliver. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from html import escape

from actions.audiences.audience import Audience, TextEvent
from actions.audiences.decide import History, Judgement, judge
from actions.audiences.sandbox import Text, render
from actions.audiences.values import values_of
from actions.channels.message import Message
from classifiers.model import Incident


@dataclass(frozen=True, slots=True)
class AudienceText:
    """The text for an audience, and whether it is told now."""

    text: Text
    judgement: Judgement


def audience_text(
    audience: Audience, incident: Incident, event: TextEvent, history: History, now_s: float, link: str | None = None,
) -> AudienceText:
    """What an audience would be told of an event, and whether it is told now, with the reasons.

    Raises `TemplateError`.
    """
    text = render(audience.templates[event], values_of(audience, incident, event, history, now_s, link))
    return AudienceText(text, judge(audience, incident, event, history, now_s))


def messages_of(
    audience: Audience, incident: Incident, event: TextEvent, text: Text, source: str, step: str = "",
) -> Iterator[tuple[str, Message]]:
    """The messages of a text: the name of the channel, and the message, for each channel and recipient.

    source: of the deployment. step: tells two messages of one event apart, such as two regular updates. The ids and
    keys are the same for the same arguments.
    """
    for channel in audience.via:
        for recipient in audience.to or (None,):
            parts = (source, incident.id, audience.name, event, step, channel, recipient or "")
            name = sha256("\n".join(parts).encode()).hexdigest()[:24]
            yield channel, Message(
                name, incident.id, event, f"{source}/{incident.id}/{audience.name}",
                f"{source}/{incident.id}/{audience.name}", recipient, incident.peak_severity, text.title, text.body,
                html=as_html(text),
            )


def as_html(text: Text) -> str:
    """The text as HTML without styles: everything in it is escaped."""
    paragraphs = "".join(
        f"<p>{'<br>'.join(escape(line) for line in block.split(chr(10)))}</p>" for block in text.body.split("\n\n")
    )
    return f"<h3>{escape(text.title)}</h3>{paragraphs}"

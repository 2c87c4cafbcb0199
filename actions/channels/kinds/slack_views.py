"""The dialog of Slack that asks how long and why to silence (`docs.slack.dev`, "Modal views", `views.open`). Pure.

What the dialog is about is in its `private_metadata`, which Slack sends back; so any process may take the answer. Texts
are `plain_text`, so nothing in a label is a mention, a link or a format.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from actions.channels.inert import one_line
from actions.kinds.http import JsonValue
from classifiers.incident_silence import silenced_text
from classifiers.model import Incident

SILENCE_VIEW = "tocsin_silence"
MINUTES, REASON = "minutes", "reason"
"""The inputs: each is a block of this name with an element of this name."""
DEFAULT_MIN = 60
MAX_SECTION = 3_000
MAX_REASON = 500
MAX_DIGITS = 6
HINT = "They are still found and shown. Escalation and playbooks wait until the silence ends."


class BrokenView(ValueError):  # noqa: N818  it is what Slack sent
    """A submission that is not what the dialog asks for. The message says what was expected."""


@dataclass(frozen=True, slots=True)
class AskedSilence:
    """What a person submitted. covered: a digest of what the dialog said that would be silent."""

    incident_id: str
    covered: str
    lasts_s: float
    reason: str


def silence_view(incident: Incident, channel: str, max_s: float) -> dict[str, JsonValue] | None:
    """The dialog for an incident; None where a label is too long for a silence. channel: where the answer is told.
    max_s: how long a silence may last.
    """
    what = silenced_text(incident)
    if what is None:
        return None
    about = {"incident_id": incident.id, "channel": channel, "covered": covered(what)}
    text = f"Nobody is told, and nothing is done, about incidents of {what}. {HINT}"
    return {
        "type": "modal", "callback_id": SILENCE_VIEW, "private_metadata": orjson.dumps(about).decode(),
        "title": _plain_text("Silence"), "submit": _plain_text("Silence"), "close": _plain_text("Cancel"),
        "blocks": [
            {"type": "section", "text": _plain_text(one_line(text, MAX_SECTION))},
            _input(MINUTES, "For how long, minutes", {
                "type": "number_input", "is_decimal_allowed": False, "initial_value": str(DEFAULT_MIN),
                "min_value": "1", "max_value": str(int(max_s // 60.0)),
            }),
            _input(REASON, "Reason", {
                "type": "plain_text_input", "multiline": True, "min_length": 1, "max_length": MAX_REASON,
            }),
        ],
    }


def asked_silence(payload: Mapping[str, Any]) -> AskedSilence:
    """What the payload of a `view_submission` asks for. Raises `BrokenView`."""
    about, values = about_of(payload), _mapping(_mapping(_mapping(payload, "view"), "state"), "values")
    minutes, reason = (str(_mapping(_mapping(values, name), name).get("value") or "") for name in (MINUTES, REASON))
    if not (minutes.isdecimal() and len(minutes) <= MAX_DIGITS and int(minutes)):
        raise BrokenView(f"minutes {minutes[:20]!r}, expected a whole number of at least 1")
    if not reason.strip():
        raise BrokenView("reason '', expected why nobody is told")
    return AskedSilence(
        str(about.get("incident_id")), str(about.get("covered")), int(minutes) * 60.0, reason.strip()[:MAX_REASON],
    )


def about_of(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the dialog of a payload is about, empty where that cannot be read."""
    try:
        found = orjson.loads(str(_mapping(payload, "view").get("private_metadata", "")))
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def covered(what: str) -> str:
    """A digest of what a silence fits, as people read it."""
    return hashlib.sha256(what.encode()).hexdigest()[:16]


def _input(name: str, label: str, element: dict[str, JsonValue]) -> JsonValue:
    return {"type": "input", "block_id": name, "label": _plain_text(label), "element": {**element, "action_id": name}}


def _plain_text(text: str) -> dict[str, JsonValue]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _mapping(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = whole.get(name)
    return found if isinstance(found, Mapping) else {}

"""What the audit says of what people directed: a sentence for each, with the reason that the person gave. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from classifiers.by_hand import Assign
from classifiers.directives import Expire, Silence
from classifiers.model import Acknowledgement
from classifiers.silences import MaintenanceWindow


def acknowledged_reason(one: Acknowledgement, comment: str) -> str:
    """Why nobody else is notified."""
    return _with(f"nobody else is notified until {utc_text(one.until_s)}", comment)


def lapsed_reason(one: Acknowledgement) -> str:
    """Why others are notified again."""
    return f"the time for which {one.by} acknowledged it is over; others are notified again"


def silenced_reason(name: str, silence: Silence | None) -> str:
    """Why nothing is done about an incident. silence: None for a maintenance window, and where it is unknown."""
    what = f"{name}: nobody is notified, and no playbook acts"
    return what if silence is None else _with(f"{what}, until {utc_text(silence.until_s)}", silence.comment)


def lifted_reason(name: str, expiry: Expire | None) -> str:
    """Why people are notified again. expiry: of a silence that a person ended."""
    after = "people are notified again, and playbooks act"
    return f"{name} is over; {after}" if expiry is None else _with(f"{name} was ended early; {after}", expiry.comment)


def assigned_reason(one: Assign) -> str:
    """Who has a role now, or has it no more.

    >>> assigned_reason(Assign("inc-1", "ben", "ana", 1.0, role="scribe"))
    'ben is scribe'
    """
    return _with(f"{one.to} is {one.role}{' no more' if one.remove else ''}", one.comment)


def resolved_reason(by: str, comment: str, *, is_silent: bool = False) -> str:
    """Why an incident is over that no alarm ended. is_silent: whether something was silent in it."""
    reason = _with(f"{by} declared it over", comment)
    return f"{reason}; what has been silent since opens no other one until records come again" if is_silent else reason


def window_text(window: MaintenanceWindow, now_s: float) -> str:
    """What a maintenance window is, and when it ends: by no record of a person."""
    until_s = window.until_s(now_s)
    ends = "by its times" if until_s is None else f"at {utc_text(until_s)}"
    return f"maintenance window {window.name!r}: set in the configuration, it ends {ends} or by another configuration"


def utc_text(at_s: float) -> str:
    """A time for people, to the minute. What no calendar has is the number of seconds.

    >>> utc_text(1_795_874_700.0), utc_text(1e18)
    ('2026-11-28 14:05 UTC', '1e+18 s after 1970')
    """
    try:
        return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return f"{at_s:g} s after 1970"


def _with(text: str, comment: str) -> str:
    return f"{text}: {comment}" if comment else text

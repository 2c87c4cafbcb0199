"""What time, the incident and newer notifications do to one that is under way. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from actions.channels.machine import WAITING
from actions.channels.notification import GIVE_UP_AFTER_S, Notification, changed
from actions.channels.routes import STATES, KnownIncident, Route, acknowledged

DRAFT_KEPT_S = 86_400.0
"""How long a text about an incident that is over waits for a person."""


def due_change(
    one: Notification, seen: KnownIncident | None, others: Collection[Notification], route: Route | None,
    waiting: Collection[str], now_s: float, in_flight: Collection[str], pages_over: str | None = None,
) -> Notification | None:
    """The change that is due of a notification, None for none. seen: its incident, None where it is not known.

    others: of the same incident and channel. route: None where the channel is not configured any more. waiting: keys of
    requests and digests of texts that wait for people. in_flight: what this process sends at the moment. pages_over:
    why the escalation of the incident pages nobody any more, None while it does.
    """
    if one.state == "sending":
        if one.id in in_flight:
            return None
        made = changed(one, "interrupt", "the process that sent it ended before it knew the answer", now_s)
        return replace(made, due_at_s=now_s)
    if one.state not in WAITING and one.state != "draft":
        return None
    if route is None:
        made = changed(one, "give_up", f"channels.{one.channel} is not configured any more", now_s)
        return replace(made, failure="unknown_channel")
    is_page = one.message.event == "page"
    why = pages_over if is_page else _why_superseded(one, seen, others, route, waiting, now_s)
    if why is not None:
        return changed(one, "supersede", why, now_s)
    if one.state == "draft":
        return _unreleased(one, seen, now_s)
    if now_s - one.created_at_s >= GIVE_UP_AFTER_S:
        made = changed(one, "give_up", f"not accepted within {GIVE_UP_AFTER_S:g} s: {one.reason}", now_s)
        return replace(made, failure="timed_out")
    return None


def _unreleased(one: Notification, seen: KnownIncident | None, now_s: float) -> Notification | None:
    """A text of an incident that is over does not wait for a person for ever."""
    is_over = seen is None or seen.incident.state == "resolved"
    if not is_over or now_s - one.changed_at_s < DRAFT_KEPT_S:
        return None
    return changed(one, "supersede", f"nobody released it within {DRAFT_KEPT_S / 3600.0:g} h", now_s)


def _why_superseded(
    one: Notification, seen: KnownIncident | None, others: Collection[Notification], route: Route,
    waiting: Collection[str], now_s: float,
) -> str | None:
    event = one.message.event
    if event == "approval" and one.message.dedup_key.rpartition("/")[2] not in waiting:
        return "the request does not wait any more"
    if event not in STATES:
        return None
    if seen is not None and seen.incident.state == "resolved":
        return "the incident is resolved"
    if route.pages and event != "milestone" and seen is not None and acknowledged(seen.incident, now_s):
        return "the incident is acknowledged"
    if any(_replaces(each, one) for each in others):
        return "something newer is to be told"
    return None


def _replaces(newer: Notification, older: Notification) -> bool:
    """Whether a notification says all that an older one would."""
    if newer.message.event not in STATES or newer.message.dedup_key != older.message.dedup_key:
        return False
    if newer.message.recipient != older.message.recipient or newer.state == "withdrawn":
        return False
    if newer.state == "draft" and older.state != "draft":
        return False  # somebody may withdraw it
    return newer.created_at_s > older.created_at_s and newer.failure is None

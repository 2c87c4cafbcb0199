"""What the HTTP interface shows: what is open, waits, is in force. Whoever calls these has the role viewer or more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web

from actions.approvals.desk import Desk
from actions.approvals.machine import OPEN
from actions.approvals.request import ApprovalRequest
from actions.channels.notification import Notification
from actions.ledger.view import LedgerView
from actions.oncall.now import OnCall
from actions.outbox.releases import Releases
from actions.reviews.record import ActionItem
from actions.reviews.records import ReviewRecords
from classifiers.directive_reasons import window_text
from streams.contracts.people.silences import StoredSilence
from streams.page.silences import KnownSilences
from streams.respond.http.json_body import Problem, answer

Found = TypeVar("Found")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Known:
    """What the role respond has read. in_force: remedies and the storm brake. releases: texts that wait for people.
    escalation_fault: why an incident cannot be escalated by hand, to somebody where that is named; None where it can.
    on_call: who is on call now. reviews: those on record, with their action items. silences: those of control records.
    """

    desk: Desk
    in_force: LedgerView
    releases: Releases
    escalation_fault: Callable[[str, str | None], str | None]
    on_call: Callable[[], Sequence[OnCall]]
    reviews: ReviewRecords
    silences: KnownSilences


class Readings:
    """The handlers, by path. now_s: the clock of decisions."""

    def __init__(self, known: Known, now_s: Callable[[], float]) -> None:
        self._known = known
        self._now_s = now_s
        self.handlers: Mapping[str, Handler] = {
            "incidents": self._incidents, "approvals": self._approvals, "approvals/{key}": self._approval,
            "remedies": self._remedies, "breakers": self._breakers, "texts": self._texts, "texts/{digest}": self._text,
            "oncall": self._on_call, "items": self._items, "silences": self._silences,
        }

    async def _incidents(self, request: web.Request) -> web.Response:
        return answer([one for one in self._known.desk.incidents() if _all(request) or one.state != "resolved"])

    async def _approvals(self, request: web.Request) -> web.Response:
        return answer([one for one in self._known.desk.requests.values() if _all(request) or one.state in OPEN])

    async def _approval(self, request: web.Request) -> web.Response:
        return answer(request_of(self._known, request))

    async def _remedies(self, request: web.Request) -> web.Response:
        known = self._known.in_force.remedies()
        return answer([one.to_json() for one in known if _all(request) or one.is_shown])

    async def _breakers(self, _: web.Request) -> web.Response:
        known = [one for one in self._known.in_force.remedies() if one.breaker is not None]
        return answer({
            "storm_since_s": self._known.in_force.storm_since_s(),
            "breakers": [{"target": one.target, "reason": one.reason, "breaker": one.breaker} for one in known],
        })

    async def _on_call(self, _: web.Request) -> web.Response:
        return answer(list(self._known.on_call()))

    async def _items(self, request: web.Request) -> web.Response:
        known = self._known.reviews
        return answer(known.items() if _all(request) else known.open_items())

    async def _silences(self, request: web.Request) -> web.Response:
        known, now_s = self._known.silences.rows(), self._now_s()
        return answer([one for one in known if _all(request) or one["until_s"] > now_s])

    async def _texts(self, request: web.Request) -> web.Response:
        known = self._known.releases.texts()
        return answer([text_view(one) for one in known if _all(request) or one.state == "draft"])

    async def _text(self, request: web.Request) -> web.Response:
        return answer(text_view(text_of_request(self._known, request)))


def request_of(known: Known, request: web.Request) -> ApprovalRequest:
    """The request for approval that the path names. Raises `Problem`."""
    key = request.match_info["key"]
    return _found(known.desk.requests.get(key), f"request {key!r}: unknown")


def item_of(known: Known, request: web.Request) -> ActionItem:
    """The action item that the path names, and that a review names. Raises `Problem`."""
    name = request.match_info["id"]
    item = known.reviews.item(name)
    there = None if item is None or item.state == "removed" else item
    return _found(there, f"item {name!r}: not on record, expected one of GET items")


def silence_of_request(known: Known, request: web.Request) -> StoredSilence:
    """The silence that the path names. Raises `Problem`."""
    return _silence(known, request.match_info["id"])


def silence_at(known: Known, name: str, now_s: float) -> StoredSilence:
    """The silence by which an incident is silent. Raises `Problem`, also where a maintenance window silences it."""
    window = known.silences.window(name)
    if window is not None:
        raise Problem(409, f"{window_text(window, now_s)}; expected a silence of a person", "malformed")
    return _silence(known, name)


def _silence(known: Known, name: str) -> StoredSilence:
    return _found(known.silences.find(name), f"silence {name!r}: unknown, expected one of GET silences")


def text_of_request(known: Known, request: web.Request) -> Notification:
    """The text that the path names, and that waits. Raises `Problem`."""
    digest = request.match_info["digest"]
    return _found(known.releases.text(digest), f"text {digest!r}: does not wait, expected one of GET texts")


def _found(one: Found | None, fault: str) -> Found:
    if one is None:
        raise Problem(404, fault, "malformed")
    return one


def text_view(one: Notification) -> dict[str, Any]:
    """A text that waits, or waited, for a person."""
    assert one.draft is not None
    return {
        "digest": one.draft.digest, "audience": one.draft.audience, "service": one.draft.service,
        "incident_id": one.message.incident_id, "event": one.message.event, "severity": one.message.severity,
        "state": one.state, "reason": one.reason, "roles": one.draft.roles, "decided_by": one.draft.decided_by,
        "changed_at_s": one.changed_at_s, "title": one.message.title, "text": one.message.text,
    }


def _all(request: web.Request) -> bool:
    return request.query.get("state") == "all"

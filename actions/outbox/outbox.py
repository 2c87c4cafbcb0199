"""The outbox: what is known of incidents and requests, and what follows from it for each notification.

`changes` compares what is known with the notifications as they stand in the log, and returns the changes that are due.
The caller writes them to the log and then calls `record`. So the order in which topics are read does not matter, nor
whether a record is read twice, and what does not fit into a queue now is told later. Pure; `now_s` is the wall clock in
seconds since the epoch, made so that it never runs back.

Crash: everything is read again from the topics. Memory: the notifications of the last week and `MAX_KNOWN` incidents.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice

from actions.approvals.request import ApprovalRequest
from actions.channels.drafts import about_drafts, about_incident, about_requests, fallback_of
from actions.channels.lifetime import due_change
from actions.channels.machine import ENDED, WAITING
from actions.channels.message import Event, Message
from actions.channels.notification import FALLBACK_AFTER_S, GIVE_UP_AFTER_S, Notification, queued
from actions.channels.routes import KnownIncident, Route, due_events
from actions.outbox.pages import EscalationPages, page_endings
from actions.outbox.releases import DECIDED, Releases
from actions.outbox.threads import leads, root_of, waits_for_cause
from actions.trust.people import Directory
from classifiers.by_hand import ForTexts
from classifiers.model import Incident

MAX_KNOWN = 20_000
MAX_QUEUED = 1_000
"""Notifications that wait for one channel; what is not urgent is queued once there is room."""
MAX_PER_INCIDENT = 200
UNLIMITED: frozenset[Event] = frozenset({"close", "page"})
"""What is told whatever the number: the end, and pages, of which the escalation itself counts 200."""
MAX_HELD = 50
"""How many incidents for which time or room was missing are looked at again at once."""
SCAN_EVERY_S = 0.5
"""How often what is under way or held is gone through for what time changes; what news change is seen at once."""
LOOK_EVERY_S = 30.0
"""How often one that is under way is looked at whatever its times say."""
FORGET_AFTER_S = 7 * 86_400.0


class Outbox:
    """The notifications of an installation. routes: by channel. source: of the deployment. place: the partition of an
    incident of which the log has no notification yet. pages: what escalations have told, None for nothing. releases:
    the texts that wait for people, None where nobody may release one. owners_of: the owners of a service.
    """

    def __init__(
        self, routes: Mapping[str, Route], source: str, place: Callable[[str], int],
        pages: EscalationPages | None = None, releases: Releases | None = None,
        owners_of: Callable[[str], tuple[str, ...]] = lambda _: (),
    ) -> None:
        self._owners_of = owners_of
        self.releases = releases or Releases(Directory((), lambda _: ()))
        self.routes = routes
        self._source = source
        self._place = place
        self._pages = pages
        self._notifications: dict[str, Notification] = {}
        self._of_incident: dict[str, dict[str, None]] = {}
        self._placed: dict[str, int] = {}
        self._under_way: defaultdict[int, dict[str, None]] = defaultdict(dict)
        self._scanned_s: dict[int, float] = {}
        self._tried_s: dict[int, float] = {}
        self._look_s: dict[str, float] = {}
        self._queues: defaultdict[tuple[int, str], dict[str, None]] = defaultdict(dict)
        self._waiting: Counter[str] = Counter()
        self._incidents: dict[str, KnownIncident] = {}
        self._requests: dict[str, ApprovalRequest] = {}
        self._unsorted: dict[str, None] = {}
        self._news: defaultdict[int, dict[str, None]] = defaultdict(dict)
        self._held: defaultdict[int, dict[str, None]] = defaultdict(dict)
        self._asked: dict[str, Notification] = {}

    # What is read

    def record(self, one: Notification, partition: int) -> None:
        """A notification as it stands in this partition of the log. An older version than the known one changes
        nothing.
        """
        known = self._notifications.get(one.id)
        if known is not None and one.version <= known.version:
            return
        self._waiting[one.channel] += (one.state in WAITING) - (known is not None and known.state in WAITING)
        self._notifications[one.id] = one
        self.releases.record(one)
        if one.draft is not None:
            self._unsorted[one.message.incident_id] = None  # people are told that it waits, or is decided
        self._asked.pop(one.id, None)
        self._of_incident.setdefault(one.message.incident_id, {})[one.id] = None
        partition = self._placed.setdefault(one.message.incident_id, partition)
        self._look_s.pop(one.id, None)
        if one.state in WAITING:
            self._queues[partition, one.channel][one.id] = None
        else:
            self._queues[partition, one.channel].pop(one.id, None)
        if one.state not in ENDED or (one.state == "failed" and one.urgent):
            self._under_way[partition][one.id] = None
        else:
            self._under_way[partition].pop(one.id, None)

    def forget(self, notification: str) -> None:
        """The log has no notification of this id any more."""
        known = self._notifications.pop(notification, None)
        self.releases.forget(notification)
        if known is None:
            return
        incident_id = known.message.incident_id
        self._waiting[known.channel] -= known.state in WAITING
        partition = self.partition_of(incident_id)
        self._under_way[partition].pop(notification, None)
        self._queues[partition, known.channel].pop(notification, None)
        self._look_s.pop(notification, None)
        self._of_incident[incident_id].pop(notification)
        if not self._of_incident[incident_id]:
            del self._of_incident[incident_id]
            del self._placed[incident_id]

    def add_incident(self, incident: Incident, now_s: float, late_s: float | None) -> None:
        """An incident as told by its shard. late_s: see `KnownIncident`."""
        known = self._incidents.pop(incident.id, None)
        if known is not None:
            ages = None if known.late_s is None or late_s is None else min(known.late_s, late_s)
            self._incidents[incident.id] = KnownIncident(incident, known.first_s, ages)
        else:
            if len(self._incidents) >= MAX_KNOWN:
                self._incidents.pop(next(iter(self._incidents)))
            self._incidents[incident.id] = KnownIncident(incident, now_s, late_s)
        self._unsorted[incident.id] = None

    def add_request(self, request: ApprovalRequest) -> None:
        """A request for approval as it stands in the log."""
        if request.state == "requested":
            self._requests[request.key] = request
        else:
            self._requests.pop(request.key, None)
        self._unsorted[request.intent.incident_id] = None

    def add_decision(self, directive: ForTexts, dated_s: float) -> None:
        """A verified decision of a person about a text, dated by the broker."""
        self.releases.add(directive, dated_s)
        text = self.releases.text(directive.text)
        if text is not None:
            self._unsorted[text.message.incident_id] = None

    def note(self, incident_id: str) -> None:
        """Something else was read that concerns what an incident's notifications become."""
        self._unsorted[incident_id] = None

    def ask(self, message: Message, channel: str, *, urgent: bool, now_s: float) -> None:
        """Tell a message on a channel. One that the log has already changes nothing."""
        if message.id not in self._notifications:
            self._asked.setdefault(message.id, queued(message, channel, urgent=urgent, now_s=now_s))

    # What is asked

    @property
    def notifications(self) -> Mapping[str, Notification]:
        """All that the log has, by id."""
        return self._notifications

    def of_incident(self, incident_id: str, channel: str | None = None) -> list[Notification]:
        """The notifications of an incident, of one channel where it is named."""
        found = [self._notifications[each] for each in self._of_incident.get(incident_id, ())]
        return [one for one in found if channel is None or one.channel == channel]

    def partition_of(self, incident_id: str) -> int:
        """The partition in which the notifications of an incident stand."""
        placed = self._placed.get(incident_id)
        return self._place(incident_id) if placed is None else placed

    def waiting(self, channel: str) -> int:
        """How many wait for a channel."""
        return self._waiting[channel]

    # What follows

    def changes(self, now_s: float, partition: int, in_flight: Collection[str]) -> list[Notification]:
        """The notifications of a partition that are to be written now.

        in_flight: the ids that this process sends at the moment.
        """
        for incident_id in self._unsorted:
            self._news[self.partition_of(incident_id)][incident_id] = None
        self._unsorted.clear()
        news = self._news.pop(partition, {})
        held = self._held_now(partition, now_s)
        asked = [one for one in self._asked.values() if self.partition_of(one.message.incident_id) == partition]
        asked += self._due_pages(now_s, partition)
        found: dict[str, Notification] = {}
        for one in [*asked, *self._due(dict.fromkeys([*news, *held]), partition, now_s)]:
            if self._has_room(one, len(found)):
                found.setdefault(one.id, one)
        for one in self._looked_at(news, partition, now_s):
            self._look_s[one.id] = _next_look_s(one, now_s)
            change = self._change(one, now_s, in_flight)
            if change is not None and not (one.id in found and change.state in DECIDED):  # a changed text asks anew
                found[change.id] = change
            others = self.of_incident(one.message.incident_id)
            other = self._fallback_of(one, others, now_s)
            if other is not None:
                found.setdefault(other.id, other)
        return list(found.values())

    def next_for(self, channel: str, now_s: float, partition: int) -> Notification | None:
        """What a channel is to be told next: what is urgent first, then the worst, then the oldest."""
        if not self._waiting[channel]:
            return None
        due = [
            one for name in self._queues[partition, channel] if (one := self._notifications[name]).due_at_s <= now_s
            and not waits_for_cause(one, lambda cause: self.of_incident(cause, channel))
        ]
        return min(due, key=lambda one: (not one.urgent, one.message.severity, one.created_at_s, one.id), default=None)

    def to_send(self, one: Notification) -> Message:
        """The message of a claimed notification, with what the channel needs to know of earlier ones."""
        first = root_of(one, lambda name: self.of_incident(name, one.channel))
        reference = None if first is None else first.reference
        return replace(one.message, reference=reference, in_doubt=one.attempts > 1)

    def finished(self, now_s: float, partition: int) -> list[Notification]:
        """What ended so long ago that the log need not keep it, of incidents that are not open."""
        return [
            one for one in self._notifications.values()
            if one.state in ENDED and now_s - one.changed_at_s > FORGET_AFTER_S
            and not self._is_open(one.message.incident_id) and self.partition_of(one.message.incident_id) == partition
        ]

    def _due(self, incidents: Iterable[str], partition: int, now_s: float) -> Iterator[Notification]:
        """What is to be told of these incidents and is not in the log. What time or room keeps back is held."""
        for incident_id in incidents:
            seen = self._incidents.get(incident_id)
            if seen is None:
                continue
            seen = replace(seen, owners=self._owners(seen.incident), leads=leads(seen.incident, self._incidents))
            texts = self.releases.of_incident(incident_id)
            for channel, route in self.routes.items():
                given = self.of_incident(incident_id, channel)
                new = [
                    *about_requests(seen, channel, route, self._requests.values(), self._source, now_s),
                    *about_drafts(seen, channel, route, texts, given, now_s),
                ]
                if route.pages:
                    new += page_endings(seen, channel, given, self._source, now_s)
                own = [one for one in given if one.message.dedup_key == f"{self._source}/{incident_id}"]
                for event in due_events(seen, route, own, now_s):
                    if event == "wait":
                        self._held[partition][incident_id] = None
                    else:
                        new.append(about_incident(seen, channel, *event, self._source, now_s))
                yield from (one for one in new if one.id not in self._notifications)
            yield from self._due_texts(seen, now_s)

    def _owners(self, incident: Incident) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The owners of its service, and of those of its causes and effects as far as they are known."""
        near = [self._incidents.get(one.id) for one in incident.related if one.relation in ("caused_by", "causes")]
        services = dict.fromkeys([incident.service, *(one.incident.service for one in near if one is not None)])
        return tuple((service, owners) for service in services if (owners := self._owners_of(service)))

    def _held_now(self, partition: int, now_s: float) -> list[str]:
        """Incidents for which time or room was missing, which are looked at again."""
        if now_s - self._tried_s.get(partition, float("-inf")) < SCAN_EVERY_S:
            return []
        self._tried_s[partition] = now_s
        held = list(islice(self._held[partition], MAX_HELD))
        for incident_id in held:
            del self._held[partition][incident_id]
        return held

    def _looked_at(self, news: Iterable[str], partition: int, now_s: float) -> list[Notification]:
        """What is under way of these incidents, and every `SCAN_EVERY_S` all that time may have changed."""
        under_way, never_s = self._under_way[partition], float("-inf")
        names = dict.fromkeys(
            name for incident_id in news for name in self._of_incident.get(incident_id, ()) if name in under_way
        )
        if now_s - self._scanned_s.get(partition, never_s) >= SCAN_EVERY_S:
            self._scanned_s[partition] = now_s
            names |= dict.fromkeys(name for name in under_way if self._look_s.get(name, never_s) <= now_s)
        return [self._notifications[name] for name in names]

    def _change(self, one: Notification, now_s: float, in_flight: Collection[str]) -> Notification | None:
        seen = self._incidents.get(one.message.incident_id)
        others = self.of_incident(one.message.incident_id, one.channel)
        over = None if self._pages is None else self._pages.over(one.message)
        route = self.routes.get(one.channel)
        waiting = self._requests.keys() | self.releases.waiting if one.message.event == "approval" else ()
        return due_change(one, seen, others, route, waiting, now_s, in_flight, over) or self.releases.change(one, now_s)

    def _due_pages(self, now_s: float, partition: int) -> Iterator[Notification]:
        """What escalations have told and is not in the log."""
        if self._pages is not None and self.routes:
            for one in self._pages.due(now_s, lambda incident_id: self.partition_of(incident_id) == partition):
                if one.id not in self._notifications:
                    yield one

    def _due_texts(self, seen: KnownIncident, now_s: float) -> Iterator[Notification]:
        """What audiences are to be told of an incident and is not in the log."""
        if self._pages is not None and self.routes:
            for one in self._pages.audiences.due(seen, self.of_incident(seen.incident.id), now_s):
                known = self._notifications.get(one.id)
                if (known is None or known.version < one.version) and one.channel in self.routes:
                    yield one

    def _fallback_of(self, one: Notification, others: list[Notification], now_s: float) -> Notification | None:
        route = self.routes.get(one.channel)
        if route is None or route.fallback is None:
            return None
        moved = None if self._pages is None else self._pages.moved(one.message, one.channel, route.fallback)
        return fallback_of(one, route, others, now_s, moved)

    def _has_room(self, one: Notification, more: int) -> bool:
        """Whether it may be queued; else its incident is held. more: how many are queued with it."""
        incident_id = one.message.incident_id
        if len(self._of_incident.get(incident_id, ())) >= MAX_PER_INCIDENT and one.message.event not in UNLIMITED:
            return False
        fits = one.urgent or self._waiting[one.channel] + more < MAX_QUEUED
        if not fits:
            self._held[self.partition_of(incident_id)][incident_id] = None
        return fits

    def _is_open(self, incident_id: str) -> bool:
        seen = self._incidents.get(incident_id)
        return seen is not None and seen.incident.state != "resolved"


def _next_look_s(one: Notification, now_s: float) -> float:
    """When time alone may change a notification that is under way; what is sent is looked at each time."""
    if one.state == "sending":
        return now_s
    times = [one.created_at_s + FALLBACK_AFTER_S, one.created_at_s + GIVE_UP_AFTER_S, now_s + LOOK_EVERY_S]
    return min(at_s for at_s in times if at_s > now_s)

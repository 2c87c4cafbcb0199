"""Whether a person may do what a control record asks, as far as the reader of the control topic has to judge it. Pure.

Where services have owners, the role must count for the service that the record is about. The service of an incident is
known once the incident is told; until then nobody can say whether its record counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, get_args

from actions.trust.people import Directory
from actions.trust.roles import Verb, may_not
from classifiers.by_hand import (
    Assign,
    ForEscalations,
    ForReviews,
    ForSchedules,
    ForShards,
    ForViewers,
    Keep,
    Override,
    ResetStorm,
    Resolve,
    SetBreaker,
    Undo,
    Update,
)
from classifiers.directives import Acknowledge, Expire, OfPerson, Silence
from classifiers.incident_silence import service_of
from classifiers.reviews_by_hand import SetItem, SubmitReview
from config.models import ControlSection
from streams.contracts.control_records import ControlRecordError, at_most, check_length

_VERBS: Mapping[type, Verb] = {
    Resolve: "resolve", Assign: "assign", Update: "update", Undo: "undo", Keep: "keep", ResetStorm: "storm_reset",
    Acknowledge: "acknowledge", Silence: "silence", Expire: "silence", Override: "override",
    ForEscalations: "escalate", ForViewers: "read", SubmitReview: "review", SetItem: "review",
}
_OF_NO_SERVICE = (ForSchedules, ForViewers, *get_args(ForReviews))
"""A schedule belongs to no service, and a review outlives what is known of its incident."""
_OF_INCIDENTS = (*get_args(ForShards | Acknowledge), ForEscalations)


def within_limits(directive: OfPerson, control: ControlSection) -> OfPerson:
    """What a person signed, an acknowledgement cut to the longest that may be.

    Raises `ControlRecordError` for a silence that is too long, or that may fit several services.
    """
    if isinstance(directive, Acknowledge):
        return at_most(directive, control)
    if isinstance(directive, Silence):
        check_length(directive, directive.from_s, control)
        if service_of(directive.matchers) is None:
            raise ControlRecordError("not_allowed", "it fits several services, expected a matcher service=NAME")
    return directive


class Rights:
    """has_owners: whether any service has owners; where none has, roles count for all services alike.

    silence: by its id. service_of_incident: by its id. Both give None for what is not known.
    """

    def __init__(
        self, directory: Directory, has_owners: bool, silence: Callable[[str], Silence | None],
        service_of_incident: Callable[[str], str | None],
    ) -> None:
        self._directory = directory
        self._has_owners = has_owners
        self._silence = silence
        self._service_of_incident = service_of_incident

    def judge(self, directive: OfPerson) -> Literal["allowed", "not_known"]:
        """Whether it counts; `not_known` until its incident is told. Raises `ControlRecordError` where it does not."""
        verb = verb_of(directive)
        if verb is None:
            return "allowed"
        if isinstance(directive, _OF_NO_SERVICE):
            return self._require(self._directory.may_anywhere(directive.by, verb), directive.by, verb)
        if not self._has_owners:
            return self._require(self._directory.may(directive.by, verb, ""), directive.by, verb)
        service = self._service(directive)
        if service is None:
            self._require(self._directory.may_somewhere(directive.by, verb), directive.by, verb)
            return "not_known"
        return self._require(self._directory.may(directive.by, verb, service), directive.by, verb)

    def _require(self, may: bool, by: str, verb: Verb) -> Literal["allowed"]:
        if not may:
            raise ControlRecordError("not_allowed", may_not(by, verb))
        return "allowed"

    def _service(self, directive: OfPerson) -> str | None:
        """The service that it is about; None for that of an incident which was not told yet."""
        if isinstance(directive, Expire):
            return self._service_of_ended(directive)
        if isinstance(directive, Silence):
            return service_of(directive.matchers) or ""
        if isinstance(directive, _OF_INCIDENTS):
            return self._service_of_incident(directive.subject)
        return directive.subject.partition("/")[0]

    def _service_of_ended(self, directive: Expire) -> str:
        """A silence and its end have one key, so a silence that is not known here is not in force either."""
        ended = self._silence(directive.silence_id)
        if ended is None:
            raise ControlRecordError("not_allowed", f"silence {directive.silence_id[:60]!r}: unknown")
        service = service_of(ended.matchers)
        if service is None:
            text = f"silence {ended.id[:60]!r} fits several services, expected a key of control.keys to end it"
            raise ControlRecordError("not_allowed", text)
        return service


def verb_of(directive: OfPerson) -> Verb | None:
    """What a person must be allowed to do; None where the owner of the request or text judges it."""
    if isinstance(directive, SetBreaker):
        return directive.verb
    return _VERBS.get(type(directive))

"""An escalation as it stands on the response topic, and the effects that follow from it, as values."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from actions.escalation.machine import EscalationState
from classifiers.model import Acknowledgement, Severity

NotifyKind = Literal["page", "tell", "fallback", "digest", "limit"]
"""page: a person. tell: an audience. fallback: a channel, when all rounds are over. digest: a person had too many pages
and gets no more for a while. limit: a channel, when the incident had too many notifications."""


BY_HAND = "by hand"
"""The step of a page that a person asked for; its round is 0, since it belongs to none."""


@dataclass(frozen=True, slots=True)
class Notify:
    """One notification, to be delivered at least once and told apart by its id.

    id: the same for the same notification, however often it comes. step: of the policy. recipient: a person, an
    audience, or None for who reads the channel. via: the channel, None for the default one. reason: for a human.
    """

    id: str
    kind: NotifyKind
    incident_id: str
    step: str
    round: int
    recipient: str | None
    via: str | None
    reason: str
    at_s: float


@dataclass(frozen=True, slots=True)
class FiredStep:
    """A step that was taken. people: who were paged. held: who were not, since they had too many pages. reason: for a
    human. at_s: when, seconds since the epoch."""

    step: str
    round: int
    at_s: float
    people: tuple[str, ...]
    held: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Escalation:
    """The escalation of one incident. version: one more with each change. reason: why it has its state.

    policy: by name; None where none is for the incident. severity: the highest that was escalated. reached_s: when that
    severity was reached, None while it is not. round_at_s: from when the times of the steps count, None before it
    begins. causes: what made it escalate early, each once. acknowledged: that counts now. void_ack_s: acknowledgements
    that are not newer do not count. suspended_s: since when. late: its data is late, so nobody is paged. notified:
    notifications so far. pending: notifications that nobody has taken yet. Times are seconds since the epoch.
    """

    incident_id: str
    version: int
    state: EscalationState
    reason: str
    policy: str | None
    severity: Severity
    reached_s: float | None
    changed_at_s: float
    round: int = 1
    round_at_s: float | None = None
    fired: tuple[FiredStep, ...] = ()
    causes: tuple[str, ...] = ()
    acknowledged: Acknowledgement | None = None
    void_ack_s: float | None = None
    suspended_s: float | None = None
    late: bool = False
    notified: int = 0
    pending: tuple[Notify, ...] = ()

    @property
    def subject(self) -> str:
        """Its key on the response topic."""
        return f"escalation/{self.incident_id}"

    def has_fired(self, step: str) -> bool:
        """Whether a step was taken in this round."""
        return any(one.step == step and one.round == self.round for one in self.fired)


def notify_id(
    incident_id: str, kind: NotifyKind, step: str, number: int, recipient: str | None, via: str | None,
) -> str:
    """The id of a notification: derived from what it is, so that a repeat has the same. number: of the round."""
    parts = (incident_id, kind, step, str(number), recipient or "", via or "")
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]

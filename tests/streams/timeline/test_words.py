"""Each event and state that the audit can hold has words for people, and none of them is a word of the machinery."""

from __future__ import annotations

from typing import get_args

import pytest

from actions.approvals.machine import RequestState
from actions.channels.machine import NotificationState
from actions.channels.message import Event as MessageEvent
from actions.escalation.machine import EscalationEvent, EscalationState
from actions.ledger.remedy import RemedyState as InForce
from actions.model import Mode, Status
from classifiers.incidents.lifecycle import Event, Phase
from classifiers.model import AuditEntry, BreakerState, RemedyState, Resolution
from streams.timeline.words import ACTION as ACTIONS
from streams.timeline.words import (
    BY_SUBJECT,
    ESCALATION,
    INCIDENT,
    MESSAGES,
    MODES,
    NOTIFICATION,
    RESOLUTIONS,
    STATES,
    STEPS,
    VERDICTS,
    change_words,
    event_words,
)

MACHINERY = {"claimed", "calm", "hold", "released", "lapse", "void", "inhibit", "flap", "settle", "skip", "duplicate"}
OF_DIRECTIVES = {"silence", "lift", "acknowledge", "lapse", "assign", "unassign", "update"}
OTHERS = {"reopen", "severity", "inhibit", "release", "lose", "verify", "skip", "feedback", "review", "item"}


@pytest.mark.parametrize(("table", "names"), [
    (INCIDENT, {*get_args(Event), *OF_DIRECTIVES, *OTHERS}),
    (ACTIONS, {*get_args(Status), *get_args(RequestState), "decided", "claimed", "expire", "approval", "break_glass"}),
    (ACTIONS, {f"remedy_{state}" for state in (*get_args(InForce), *get_args(BreakerState))}),
    (ESCALATION, set(get_args(EscalationEvent))), (NOTIFICATION, set(get_args(NotificationState))),
    (STATES, {*get_args(Phase), *get_args(EscalationState)}), (STEPS, {*get_args(Status), *get_args(RequestState)}),
    (VERDICTS, set(get_args(RemedyState))), (MESSAGES, set(get_args(MessageEvent))), (MODES, set(get_args(Mode))),
    (RESOLUTIONS, set(get_args(Resolution))),
])
def test_every_name_has_words(table: dict[str, str], names: set[str]) -> None:
    assert names - table.keys() == set()


def test_no_word_of_the_machinery_is_shown() -> None:
    shown = [
        text for table in (INCIDENT, ACTIONS, STATES, STEPS, VERDICTS, *BY_SUBJECT.values()) for text in table.values()
    ]
    assert [text for text in shown if "_" in text or MACHINERY & set(text.replace(",", "").split())] == [
        "text released",  # of a text that waited for somebody to release it, as the button on the page says
    ]


@pytest.mark.parametrize(("event", "subject", "words"), [
    ("acknowledge", "inc-1", "acknowledged"), ("acknowledge", "escalation/inc-1", "paging stopped"),
    ("released", "k1", "approved, runs now"), ("released", "notification/n1", "text released"),
    ("close", "inc-1", "resolved by hand"), ("close", "escalation/inc-1", "paging over"),
])
def test_what_one_name_means_depends_on_the_subject(event: str, subject: str, words: str) -> None:
    assert event_words(event, subject) == words


@pytest.mark.parametrize(("entry", "words"), [
    (AuditEntry(1.0, "chat all latency", "alarm", None, "pending", ""), "suspected"),
    (AuditEntry(1.0, "k1", "decided", None, "pending", ""), "decided"),
    (AuditEntry(1.0, "inc-1", "assign", "open", "open", "", "ana"), "open"),
    (AuditEntry(1.0, "inc-1", "verify", "verifying", "recovered", ""), "effect is checked, then it helped"),
    (AuditEntry(1.0, "inc-1", "feedback", "advising", "trusted", "", "ana"), ""),
    (AuditEntry(1.0, "escalation/inc-1", "exhaust", "active", "exhausted", ""), "paging, then nobody answered"),
    (AuditEntry(1.0, "notification/n1", "sent", "sending", "sent", ""), "being sent, then sent"),
])
def test_a_change_of_state_is_told_in_the_words_of_its_subject(entry: AuditEntry, words: str) -> None:
    assert change_words(entry) == words

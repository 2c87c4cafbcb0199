"""What a person said that an incident was is a field of its entry in the audit, also of entries from before."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from classifiers.directives import Feedback
from classifiers.learning.feedback_entry import feedback_of, was_fault
from classifiers.learning.learning_state import LearningState
from classifiers.learning.prequential import LearningParams
from classifiers.model import AuditEntry, FeedbackKind
from streams.contracts.envelopes import audit_message, read_audit

T = 1_000.0
SAID: dict[FeedbackKind, Feedback] = {
    "fault": Feedback("f1", "inc-1", "ben", T, None, "P1", True),
    "false_alarm": Feedback("f2", "inc-1", "ben", T, None, None, False),
    "planned_change": Feedback("f3", "inc-1", "ben", T, None, None, False, expected=True, until_s=T + 60.0),
}


@pytest.mark.parametrize("kind", SAID)
def test_feedback_is_a_field_of_its_entry_whatever_the_reason_says(kind: FeedbackKind) -> None:
    entry = LearningState(LearningParams()).learn(SAID[kind])
    assert entry.feedback == kind
    other = replace(entry, reason="in other words")
    assert (feedback_of(other), was_fault(other)) == (kind, kind == "fault")


@pytest.mark.parametrize("kind", SAID)
def test_an_entry_from_before_the_field_is_read_and_means_the_same(kind: FeedbackKind) -> None:
    message = audit_message(LearningState(LearningParams()).learn(SAID[kind]), "test")
    value = orjson.loads(message.value or b"")
    del value["feedback"]
    assert feedback_of(read_audit(orjson.dumps(value))) == kind


def test_what_is_no_feedback_says_nothing_about_a_fault() -> None:
    entry = AuditEntry(T, "inc-1", "calm", "open", "clearing", "a false alarm has no severity to learn")
    assert (feedback_of(entry), was_fault(entry)) == (None, None)

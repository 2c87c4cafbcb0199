"""What a shard knows of earlier incidents: what humans said (`advisor.py`), how long they took (`forecast.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from classifiers.directives import Feedback
from classifiers.learning.advisor import Advisor
from classifiers.learning.forecast import Durations
from classifiers.learning.prequential import LearningParams
from classifiers.model import AuditEntry


class Experience:
    """Both, as one part of the snapshot."""

    def __init__(self, params: LearningParams) -> None:
        self.advisor = Advisor(params)
        self.durations = Durations()

    def take(self, feedback: Feedback) -> AuditEntry:
        """Learn, and say what came of it: the same entry in every shard, so that readers take it for one event."""
        before = _standing(self.advisor)
        reason = self.advisor.take(feedback)
        after = _standing(self.advisor)
        return AuditEntry(feedback.at_s, feedback.incident_id, "feedback", before, after, reason, feedback.by)

    def dump(self) -> dict[str, Any]:
        """Everything, as JSON values."""
        return {"advisor": self.advisor.dump(), "durations": self.durations.dump()}

    def load(self, data: object) -> None:
        """Put a dump back into a fresh one; raises `ValueError` when it is not one."""
        if not isinstance(data, Mapping):
            raise ValueError(f"experience is {data!r}, expected a mapping of advisor and durations")
        self.advisor.load(data.get("advisor"))
        self.durations.load(data.get("durations"))


def _standing(advisor: Advisor) -> str:
    return "trusted" if advisor.severity.trusted else "advising"

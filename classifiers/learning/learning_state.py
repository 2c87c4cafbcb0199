"""What one shard has learned from earlier incidents: the advisor, and the times they took to resolve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from classifiers.directives import Feedback
from classifiers.learning.advisor import Advisor
from classifiers.learning.feedback_entry import EVENT
from classifiers.learning.forecast import ResolutionTimes
from classifiers.learning.prequential import LearningParams
from classifiers.model import AuditEntry


class LearningState:
    """The advisor (`advisor.py`) and the resolution times (`forecast.py`), as one part of the snapshot."""

    def __init__(self, params: LearningParams) -> None:
        self.advisor = Advisor(params)
        self.resolution_times = ResolutionTimes()

    def learn(self, feedback: Feedback) -> AuditEntry:
        """Learn, and return an audit entry. It is the same in every shard, so that readers take it for one event."""
        before = _standing(self.advisor)
        reason = self.advisor.learn(feedback)
        after = _standing(self.advisor)
        return AuditEntry(feedback.at_s, feedback.incident_id, EVENT, before, after, reason, feedback.by, feedback.kind)

    def dump(self) -> dict[str, Any]:
        """Everything, as JSON values."""
        return {"advisor": self.advisor.dump(), "resolution_times": self.resolution_times.dump()}

    def load(self, data: object) -> None:
        """Restore a dump into a new state; raises `ValueError` when it is not one."""
        if not isinstance(data, Mapping):
            raise ValueError(f"learning is {data!r}, expected a mapping of advisor and resolution_times")
        self.advisor.load(data.get("advisor"))
        self.resolution_times.load(data.get("resolution_times"))


def _standing(advisor: Advisor) -> str:
    return "trusted" if advisor.severity.trusted else "advising"

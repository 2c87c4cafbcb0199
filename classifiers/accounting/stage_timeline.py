"""The account of an incident: how long each stage of its life took, from its estimated onset.

    detect    until the incident opened
    classify  until the verdict (category and severity) that then stood for `SETTLED_AFTER_S`, or to the end
    act       until the first remedy was carried out, or rehearsed in a dry run
    recover   until the first proof of recovery: the start of the quiet that the incident resolved on
    resolve   until the incident resolved
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Literal

from classifiers.model import TELLS, ActionRecord, Category, Incident, Severity, StageTime

Stage = Literal["detect", "classify", "act", "recover", "resolve"]
STAGES: tuple[Stage, ...] = ("detect", "classify", "act", "recover", "resolve")

SETTLED_AFTER_S = 5.0
"""A verdict that stood so long is what the incident was classified as; a later one is an escalation or a correction."""
DONE = frozenset({"executed", "dry_run"})

PENDING = StageTime(None, "pending")
NOT_APPLICABLE = StageTime(None, "not_applicable")
INVALID = StageTime(None, "invalid")


@dataclass(slots=True)
class StageTimeline:
    """What the stage times of an open incident follow from, beyond what it tells itself. Seconds of event time.

    Plain values: saved with the episode. quiet_at_s: start of the quiet in force, None while anything alarms.
    """

    opened_severity: Severity | None = None
    verdict: tuple[Category, Severity] | None = None
    verdict_at_s: float | None = None
    classified_at_s: float | None = None
    quiet_at_s: float | None = None

    def judge(self, category: Category, severity: Severity, now_s: float) -> None:
        """Take the verdict of an instant, in order of time."""
        if self.verdict_at_s is None or self.verdict != (category, severity):
            self.verdict, self.verdict_at_s = (category, severity), now_s
        if self.opened_severity is None:
            self.opened_severity = severity
        if self.classified_at_s is None and now_s - self.verdict_at_s >= SETTLED_AFTER_S:
            self.classified_at_s = self.verdict_at_s

    def alarm(self) -> None:
        """Something alarms: whatever quiet there was proved nothing."""
        self.quiet_at_s = None

    def calm(self, now_s: float) -> None:
        """The scope that was hit gave readings and none alarmed."""
        if self.quiet_at_s is None:
            self.quiet_at_s = now_s


def with_stages(incident: Incident, account: StageTimeline) -> Incident:
    """The incident with the time of every stage, as far as it has come."""
    ended = incident.resolved_at_s is not None
    classified_at_s = account.verdict_at_s if ended and account.classified_at_s is None else account.classified_at_s
    times = {
        "detect": _since_onset(incident, incident.opened_at_s),
        "classify": PENDING if classified_at_s is None else _since_onset(incident, classified_at_s),
        "act": _act(incident),
        "recover": NOT_APPLICABLE if ended else PENDING,
        "resolve": PENDING if incident.resolved_at_s is None else _since_onset(incident, incident.resolved_at_s),
    }
    if ended and account.quiet_at_s is not None:
        times["recover"] = _since_onset(incident, account.quiet_at_s)
    return replace(incident, opened_severity=account.opened_severity, stage_times=times)


def with_actions(incident: Incident, actions: Sequence[ActionRecord]) -> Incident:
    """The incident with these actions told, and the time to the first remedy among them."""
    told = replace(incident, actions=tuple(actions))
    return replace(told, stage_times={**told.stage_times, "act": _act(told)})


def remedies(incident: Incident) -> list[ActionRecord]:
    """The actions decided to end the incident, in order of decision: not those that only tell, nor the undos."""
    return [
        action for action in sorted(incident.actions, key=lambda action: action.decided_at_s)
        if action.kind not in TELLS
        and (incident.resolved_at_s is None or action.decided_at_s < incident.resolved_at_s)
    ]


def _act(incident: Incident) -> StageTime:
    """Pending while the incident is open or a remedy under way; after that what was never done will not be."""
    asked = remedies(incident)
    done = [action for action in asked if action.status in DONE and action.done_at_s is not None]
    if not done:
        waiting = incident.resolved_at_s is None or any(action.done_at_s is None for action in asked)
        return PENDING if waiting else NOT_APPLICABLE
    first = min(done, key=lambda action: action.done_at_s or 0.0)
    assert first.done_at_s is not None
    # The executor's clock is not the producers': an action done before it was decided has no time to be trusted.
    return INVALID if first.done_at_s < first.decided_at_s else _since_onset(incident, first.done_at_s)


def _since_onset(incident: Incident, at_s: float) -> StageTime:
    """Seconds to an instant; an onset that follows the opening by no more than its error counts as the opening."""
    onset_s, opened_s = incident.onset_at_s, incident.opened_at_s
    contradicts = onset_s - opened_s > (incident.onset_error_s or 0.0) or at_s < opened_s
    if contradicts or not isfinite(at_s - onset_s):
        return INVALID
    return StageTime(at_s - min(onset_s, opened_s), "recorded")

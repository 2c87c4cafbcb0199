"""Targets of stages that no incident can meet: shorter than the stage takes at least, or of a stage that never comes.

Times count from the onset, which is in the first window that alarms, and a window is judged when it has ended. See
`classifiers/accounting/stage_timeline.py` for when each stage is reached.
"""

from __future__ import annotations

from collections.abc import Iterator

from classifiers.accounting.stage_timeline import STAGES, IncidentStage
from classifiers.model import NOTIFICATIONS, Severity
from config.errors import Problem
from config.models import Config
from config.source import Node, problem_at
from config.units import duration_text


def unmet_targets(config: Config, tree: Node) -> Iterator[Problem]:
    """Warnings of targets that will always be missed or never be reached."""
    for severity, targets in config.targets.items():
        for stage in STAGES:
            seconds = targets.of(stage)
            if seconds is None:
                continue
            least_s, reason = _least(stage, config)
            place = ("targets", severity, stage)
            if seconds < least_s:
                yield problem_at(tree, place, duration_text(seconds), f"at least {duration_text(least_s)} ({reason})")
            elif stage == "act" and not _has_remedy(config, severity):
                expected = f"null, or a playbook in mode auto with a remedy for {severity} (a notice is none)"
                yield problem_at(tree, place, duration_text(seconds), expected)


def _least(stage: IncidentStage, config: Config) -> tuple[float, str]:
    """The shortest time to a stage, in seconds, and why."""
    size_s = config.windows.size_s
    if stage == "resolve":
        quiet_s = min(config.triage.resolve_after_s, config.triage.silent_after_s)
        return size_s + quiet_s, "windows.size and triage.resolve_after or silent_after, the shorter one"
    return size_s, "windows.size: nothing is known of a window before it ends"


def _has_remedy(config: Config, severity: Severity) -> bool:
    """Whether an incident of this severity may be acted on by more than a notice."""
    return any(
        step.action not in NOTIFICATIONS and (step.mode or book.mode) == "auto" and step.approval is None
        for book in config.playbooks if not book.match.severities or severity in book.match.severities
        for step in book.steps
    )

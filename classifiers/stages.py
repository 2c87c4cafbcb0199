"""How long each stage of an incident took, from its estimated onset."""

from __future__ import annotations

from collections.abc import Sequence

from classifiers.model import ActionRecord, StageTime


def stage_times(
    onset_s: float, opened_s: float, resolved_s: float | None, actions: Sequence[ActionRecord],
) -> dict[str, StageTime]:
    """By stage (detect, act, resolve), the seconds since the onset; an onset after the stage counts as 0."""
    acted_s = min((action.done_at_s for action in actions if action.done_at_s is not None), default=None)
    stages = {"detect": opened_s, "act": acted_s, "resolve": resolved_s}
    return {
        stage: StageTime(None, "pending") if at_s is None else StageTime(max(0.0, at_s - onset_s), "recorded")
        for stage, at_s in stages.items()
    }

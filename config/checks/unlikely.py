"""Values that are valid and hardly meant: percent for a share, and bounds that make another setting useless."""

from __future__ import annotations

from collections.abc import Iterator

from config.errors import Problem
from config.models import Config
from config.source import Node, Path, problem_at
from config.units import duration_text

LARGEST_RATIO = 5.0
"""A deviation that must be larger than this multiple of what is expected is probably meant in percent."""
DECIDES_WITHIN_S = 30.0
"""A decision on the newest records takes less, from the end of their window on."""


def unlikely(config: Config, tree: Node) -> Iterator[Problem]:
    """Warnings of such values."""
    for index, profile in enumerate(config.detection.profiles):
        if profile.min_rel >= LARGEST_RATIO:
            place: Path = ("detection", "profiles", index, "min_rel")
            meant = f"{profile.min_rel / 100.0:g} is {profile.min_rel:g} %"
            expected = f"a ratio ({meant}); a smaller deviation never alarms"
            yield problem_at(tree, place, f"{profile.min_rel:g}", expected)
    longest_s = config.limits.max_hold_s
    for index, book in enumerate(config.playbooks):
        for number, step in enumerate(book.steps):
            if step.hold_s > longest_s:
                place = ("playbooks", index, "steps", number, "hold")
                expected = f"at most limits.max_hold ({duration_text(longest_s)}), which ends it"
                yield problem_at(tree, place, duration_text(step.hold_s), expected)
    latest_s = config.windows.max_lateness_s + DECIDES_WITHIN_S
    if config.limits.max_age_s < latest_s:
        found = duration_text(config.limits.max_age_s)
        expected = (
            f"at least {duration_text(latest_s)}: windows may close by windows.max_lateness later, and a decision that "
            "is older than limits.max_age is refused"
        )
        yield problem_at(tree, ("limits", "max_age"), found, expected)

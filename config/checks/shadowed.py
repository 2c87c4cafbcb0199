"""Profiles and playbooks that never decide, as one before them matches all that they do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from actions.playbooks.playbook import Match
from config.errors import Problem
from config.models import Config
from config.source import Node, problem_at
from detectors.ensemble.profiles import Profile

EVERYTHING = (".*", ".+")
"""Regular expressions that match every name."""


def shadowed(config: Config, tree: Node) -> Iterator[Problem]:
    """Warnings of profiles and playbooks of the operator's file. A shipped profile may be shadowed: that is the use of
    a profile of one's own."""
    profiles = config.detection.profiles
    for index, profile in enumerate(profiles):
        place = ("detection", "profiles", index)
        before = next((each.name for each in profiles[:index] if _covers_profile(each, profile)), None)
        if before is not None and tree.at(place).file == tree.file:
            expected = f"a profile that decides something ({before!r}, before it, matches all that it matches)"
            yield problem_at(tree, place, repr(profile.name), expected)
    books = config.playbooks
    for index, book in enumerate(books):
        # A book that is laid over one of a category is judged by its last place, for incidents of no category's book.
        whole = [each for each in books[:index] if each.base_match == Match()]
        before = next((each.name for each in whole if _covers(each.match, book.match)), None)
        is_own = tree.at(("playbooks", index)).file == tree.file and book.base_match == Match()
        if before is not None and is_own:
            expected = f"a playbook that decides something ({before!r}, before it, matches all that it matches)"
            yield problem_at(tree, ("playbooks", index), repr(book.name), expected)


def _covers_profile(one: Profile, other: Profile) -> bool:
    """Whether one certainly matches all that the other matches. Of two different expressions that is not known."""
    return (one.metrics in EVERYTHING or one.metrics == other.metrics) and all(
        label in other.labels and _covers_glob(glob, other.labels[label]) for label, glob in one.labels.items()
    )


def _covers(one: Match, other: Match) -> bool:
    return (
        _covers_choice(one.categories, other.categories) and _covers_choice(one.severities, other.severities)
        and _covers_choice(one.scopes, other.scopes) and _covers_glob(one.service, other.service)
    )


def _covers_choice(one: Sequence[str], other: Sequence[str]) -> bool:
    """Empty means all."""
    return not one or (bool(other) and set(other) <= set(one))


def _covers_glob(one: str, other: str) -> bool:
    return one in ("*", other) or (not set("*?[") & set(other) and fnmatchcase(other, one))

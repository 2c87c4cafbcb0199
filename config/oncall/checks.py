"""Mistakes in schedules and escalation that show only across settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from actions.trust.roles import Role
from classifiers.validation_errors import shown
from config.errors import Problem
from config.fields import seconds
from config.source import Node, Path, as_list, as_mapping, problem_at


def mistaken_oncall(written: Mapping[str, Any], tree: Node) -> Iterator[Problem]:
    """Backups that lead back, holidays without a backup, ids and times of steps, and names that mean two things."""
    people = as_mapping(written.get("people"))
    schedules = as_mapping(written.get("schedules"))
    yield from _schedules(schedules, tree)
    for name, policy in as_mapping(written.get("escalation")).items():
        yield from _steps(("escalation", name), as_mapping(policy), tree)
    for name in schedules:
        if name in people or name in get_args(Role):
            other = "a person" if name in people else "a role"
            yield problem_at(tree, ("schedules", name), shown(name), f"a name that is not that of {other}")


def _schedules(schedules: Mapping[str, Any], tree: Node) -> Iterator[Problem]:
    for name, schedule in schedules.items():
        place: Path = ("schedules", name)
        section = as_mapping(schedule)
        backup = section.get("backup")
        if isinstance(backup, str) and name in _backups(backup, schedules):
            expected = "a schedule whose own backups do not lead back to this one"
            yield problem_at(tree, (*place, "backup"), shown(backup), expected)
        if section.get("holidays") and backup is None:
            expected = "a backup, which is on call on holidays, or no holidays"
            yield problem_at(tree, (*place, "holidays"), shown(section["holidays"]), expected)


def _steps(place: Path, policy: Mapping[str, Any], tree: Node) -> Iterator[Problem]:
    ids: list[object] = []
    latest: float | None = None
    for index, step in enumerate(map(as_mapping, as_list(policy.get("steps")))):
        here: Path = (*place, "steps", index)
        if step.get("id") in ids and step.get("id") is not None:
            yield problem_at(tree, (*here, "id"), shown(step["id"]), "an id that no step above has")
        ids.append(step.get("id"))
        after_s = _seconds(step.get("after", 0.0))
        if after_s is not None and latest is not None and after_s < latest:
            expected = "a time not before that of the step above"
            yield problem_at(tree, (*here, "after"), shown(step.get("after", 0)), expected)
        latest = after_s if after_s is not None else latest


def _seconds(value: object) -> float | None:
    try:
        found = seconds(value)
    except ValueError:
        return None
    return found if isinstance(found, float) else None


def _backups(name: str, schedules: Mapping[str, Any]) -> list[str]:
    """A schedule and its backups, each once."""
    found: list[str] = []
    following: object = name
    while isinstance(following, str) and following in schedules and following not in found:
        found.append(following)
        following = as_mapping(schedules[following]).get("backup")
    return found

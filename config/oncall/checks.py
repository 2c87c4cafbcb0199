"""Mistakes in schedules and escalation that show only across settings: names of nobody and of nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from actions.trust.roles import Role
from classifiers.validation_errors import shown
from config.errors import Problem
from config.fields import seconds
from config.source import Node, Path, as_list, as_mapping, problem_at


def mistaken_oncall(written: Mapping[str, Any], tree: Node) -> Iterator[Problem]:
    """Schedules with people or backups that are none, policies that page nothing, services without their policy."""
    people = as_mapping(written.get("people"))
    schedules = as_mapping(written.get("schedules"))
    policies = as_mapping(written.get("escalation"))
    channels = as_mapping(written.get("channels"))
    yield from _schedules(people, schedules, tree)
    for name, policy in policies.items():
        yield from _steps(("escalation", name), as_mapping(policy), people, schedules, tree)
        yield from _unknown_channels(("escalation", name), as_mapping(policy), channels, tree)
    for index, service in enumerate(as_list(written.get("services"))):
        for number, found in _names(as_mapping(service).get("escalation")):
            if found not in policies:
                place: Path = ("services", index, "escalation", *number)
                yield problem_at(tree, place, shown(found), _one_of("escalation", policies))
    for name in schedules:
        if name in people or name in get_args(Role):
            other = "a person" if name in people else "a role"
            yield problem_at(tree, ("schedules", name), shown(name), f"a name that is not that of {other}")


def _schedules(people: Mapping[str, Any], schedules: Mapping[str, Any], tree: Node) -> Iterator[Problem]:
    for name, schedule in schedules.items():
        place: Path = ("schedules", name)
        section = as_mapping(schedule)
        for number, person in _names(section.get("people")):
            if person not in people:
                yield problem_at(tree, (*place, "people", *number), shown(person), _one_of("people", people))
        for index, shift in enumerate(as_list(section.get("shifts"))):
            who = as_mapping(shift).get("person")
            if isinstance(who, str) and who not in people:
                yield problem_at(tree, (*place, "shifts", index, "person"), shown(who), _one_of("people", people))
        backup = section.get("backup")
        if isinstance(backup, str) and backup not in schedules:
            yield problem_at(tree, (*place, "backup"), shown(backup), _one_of("schedules", schedules))
        elif isinstance(backup, str) and name in _backups(backup, schedules):
            expected = "a schedule whose own backups do not lead back to this one"
            yield problem_at(tree, (*place, "backup"), shown(backup), expected)
        if section.get("holidays") and backup is None:
            expected = "a backup, which is on call on holidays, or no holidays"
            yield problem_at(tree, (*place, "holidays"), shown(section["holidays"]), expected)


def _steps(
    place: Path, policy: Mapping[str, Any], people: Mapping[str, Any], schedules: Mapping[str, Any], tree: Node,
) -> Iterator[Problem]:
    ids: list[object] = []
    latest: float | None = None
    for index, step in enumerate(map(as_mapping, as_list(policy.get("steps")))):
        here: Path = (*place, "steps", index)
        if step.get("id") in ids and step.get("id") is not None:
            yield problem_at(tree, (*here, "id"), shown(step["id"]), "an id that no step above has")
        ids.append(step.get("id"))
        for number, target in _names(step.get("page")):
            if target not in schedules and target not in people and target not in get_args(Role):
                yield problem_at(tree, (*here, "page", *number), shown(target), _targets(people, schedules))
        after_s = _seconds(step.get("after", 0.0))
        if after_s is not None and latest is not None and after_s < latest:
            expected = "a time not before that of the step above"
            yield problem_at(tree, (*here, "after"), shown(step.get("after", 0)), expected)
        latest = after_s if after_s is not None else latest


def _unknown_channels(
    place: Path, policy: Mapping[str, Any], channels: Mapping[str, Any], tree: Node,
) -> Iterator[Problem]:
    """Channels that are not there. Without any, the action `notify` gets their names as they are."""
    named = [((*place, "fallback", *number), name) for number, name in _names(policy.get("fallback"))]
    for index, step in enumerate(map(as_mapping, as_list(policy.get("steps")))):
        named += [((*place, "steps", index, "via", *number), name) for number, name in _names(step.get("via"))]
    for where, name in named if channels else ():
        if name not in channels:
            yield problem_at(tree, where, shown(name), _one_of("channels", channels))


def _seconds(value: object) -> float | None:
    try:
        found = seconds(value)
    except ValueError:
        return None
    return found if isinstance(found, float) else None


def _targets(people: Mapping[str, Any], schedules: Mapping[str, Any]) -> str:
    names = ", ".join(schedules) or "none"
    return f"a schedule ({names}), a person ({', '.join(people) or 'none'}) or a role ({', '.join(get_args(Role))})"


def _backups(name: str, schedules: Mapping[str, Any]) -> list[str]:
    """A schedule and its backups, each once."""
    found: list[str] = []
    following: object = name
    while isinstance(following, str) and following in schedules and following not in found:
        found.append(following)
        following = as_mapping(schedules[following]).get("backup")
    return found


def _names(value: object) -> Iterator[tuple[Path, str]]:
    """The names of a list, or of a text with commas, each with its place in the list."""
    if isinstance(value, str):
        yield from (((), part.strip()) for part in value.split(",") if part.strip())
    for index, name in enumerate(as_list(value)):
        if isinstance(name, str):
            yield (index,), name


def _one_of(section: str, known: Mapping[str, Any]) -> str:
    return f"one of {section}: {', '.join(known) or 'none is configured'}"

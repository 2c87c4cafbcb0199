"""Profiles, playbooks and steps that are merged by name: one with a misspelt name counts as new, and lacks what a new
one needs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields
from typing import Any

from actions.playbooks.playbook import Playbook, Step
from classifiers.validation_errors import did_you_mean
from config.errors import Problem
from config.playbooks.layers import shipped_books
from config.source import Node, Path, as_list, as_mapping, problem_at
from detectors.ensemble.profiles import Profile


def lacking(tree: Node, path: Path) -> Problem | None:
    """The problem of a setting that is missing in an item whose name may be misspelt. path: of the setting. None for
    any other setting: then only that one is missing."""
    item = path[:-1]
    written = as_mapping(tree.at(item).plain())
    match path:
        case ("detection", "profiles", int(), _):
            profiles = as_list(as_mapping(as_mapping(tree.plain()).get("detection")).get("profiles"))
            names = [name for one in profiles if (name := as_mapping(one).get("name")) != written.get("name")]
            return _problem(tree, (*item, "name"), written, "profile", names, Profile)
        case ("playbooks", int(), _):
            return _problem(tree, (*item, "name"), written, "playbook", _books(), Playbook)
        case ("playbooks", int(), "steps", int(), _):
            book = as_mapping(tree.at(path[:2]).plain())
            return _problem_of_step(tree, (*item, "id"), written, book)
    return None


def _problem_of_step(tree: Node, place: Path, step: Mapping[str, Any], book: Mapping[str, Any]) -> Problem | None:
    own = _books().get(str(book.get("name")))
    if own is None and book.get("level") != "service":
        return None
    below = list(_books().values()) if own is None else [own]
    kinds = {str(one["id"]): str(one["action"]) for each in below for one in as_list(each.get("steps"))}
    if step.get("id") not in kinds:
        return _problem(tree, place, step, "step", kinds, Step)
    kind = kinds[step["id"]]
    if as_mapping(as_mapping(tree.plain()).get("actions")).get(kind) is not None:
        return None
    expected = f"actions.{kind} to be configured, which this shipped step needs"
    return problem_at(tree, place, repr(step["id"]), expected)


def _problem(
    tree: Node, place: Path, item: Mapping[str, Any], what: str, names: Collection[Any], made: type[Any],
) -> Problem | None:
    name = item.get(str(place[-1]))
    if not isinstance(name, str) or name in names:
        return None
    hint = did_you_mean(name, (one for one in names if isinstance(one, str)))
    needed = [one.name for one in fields(made) if one.default is MISSING and one.default_factory is MISSING]
    missing = ", ".join(one for one in needed if one not in item)
    expected = f"the {place[-1]} of a shipped {what}{hint}; no shipped one is named so, and a new one needs {missing}"
    return problem_at(tree, place, repr(name), expected)


def _books() -> dict[str, Mapping[str, Any]]:
    found = [as_mapping(book.plain()) for book in shipped_books()]
    return {str(book["name"]): book for book in found}

"""Targets of playbooks that no matching incident, or hardly one, can fill in.

An incident names its service, its model where the records have one, and at most one part: a version, a replica or a
tenant. Beside a replica or a tenant it also names a version, but only one that was deployed shortly before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from itertools import product

from actions.playbooks.playbook import Match, placeholders
from config.errors import Problem
from config.models import Config
from config.source import Node, Path, problem_at

ALWAYS = frozenset({"service", "model"})
PARTS = frozenset({"version", "replica", "tenant"})
ALL = "all"
NO_TEMPLATES = frozenset({"body", "access", "reload_access", "bounds", "cluster", "server", "ids", "rules"})
"""Fields of actions whose texts name no labels, or need none."""


def impossible_targets(config: Config, tree: Node) -> Iterator[Problem]:
    """Scopes that no incident has, and targets that can never be rendered. A worker does not start with them."""
    parts = (*config.scopes.marginals, ALL)
    for index, book in enumerate(config.playbooks):
        for number, scope in enumerate(book.match.scopes):
            if scope not in parts and _is_own(tree, ("playbooks", index, "match", "scopes", number)):
                expected = f"one of {', '.join(parts)} (scopes.marginals names the labels that an incident may have)"
                yield problem_at(tree, ("playbooks", index, "match", "scopes", number), repr(scope), expected)
        possible = [labels for labels in _label_sets(config) if _fits(book.match, labels)]
        for number, step in enumerate(book.steps):
            needed = placeholders(step.target)
            place = ("playbooks", index, "steps", number, "target")
            if possible and _is_own(tree, place) and not any(needed <= labels for labels in possible):
                yield problem_at(tree, place, repr(step.target), _expected(book.match, config))


def improbable_targets(config: Config, tree: Node) -> Iterator[Problem]:
    """Targets that only an incident can fill in that names a new version beside its part, and actions whose URL names
    a label that no matching incident has."""
    labels_of = {scope: ALWAYS | {scope} - {ALL} for scope in (*config.scopes.marginals, ALL)}
    for index, book in enumerate(config.playbooks):
        usual = [labels_of[scope] for scope in book.match.scopes or labels_of if scope in labels_of]
        for number, step in enumerate(book.steps):
            place = ("playbooks", index, "steps", number)
            expected = _expected(book.match, config)
            needed = placeholders(step.target)
            if not _is_own(tree, (*place, "target")):
                continue
            if not any(needed <= labels for labels in usual):
                rarely = "this step is skipped but for an incident that names a newly deployed version beside its part"
                yield problem_at(tree, (*place, "target"), repr(step.target), f"{expected}; {rarely}")
            elif not any(needed | _named_in_urls(config, step.action) <= labels for labels in usual):
                urls = f"an action whose URLs name only {expected}"
                yield problem_at(tree, (*place, "action"), repr(step.action), urls)


def _is_own(tree: Node, place: Path) -> bool:
    """Whether a setting is of the operator's file. What a shipped playbook cannot do here is skipped."""
    return tree.at(place).file == tree.file


def _named_in_urls(config: Config, kind: str) -> set[str]:
    """The labels that the URLs, names and prefixes of an action need; a body may lack them."""
    return {name for text in _templates(config.actions.get(kind)) for name in _braced(text)} & {*ALWAYS, *PARTS}


def _templates(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        # Of several hooks a step uses one.
        for item in value.values() if len(value) == 1 else ():
            yield from _templates(item)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            if field.name not in NO_TEMPLATES:
                yield from _templates(getattr(value, field.name))


def _braced(text: str) -> set[str]:
    try:
        return placeholders(text)
    except ValueError:  # a text with a single brace is no template
        return set()


def _label_sets(config: Config) -> list[frozenset[str]]:
    """What incidents may name at once."""
    parts = [frozenset[str](), *(frozenset({label}) for label in config.scopes.marginals)]
    versions = [frozenset[str](), frozenset({"version"} & set(config.scopes.marginals))]
    return [ALWAYS | part | version for part, version in product(parts, versions)]


def _fits(match: Match, labels: frozenset[str]) -> bool:
    return not match.scopes or any(
        labels == ALWAYS if scope == ALL else scope in labels for scope in match.scopes
    )


def _expected(match: Match, config: Config) -> str:
    parts = [scope for scope in match.scopes or config.scopes.marginals if scope in config.scopes.marginals]
    of = f"of incidents with match.scopes [{', '.join(match.scopes)}]" if match.scopes else "that one incident can have"
    alternatives = " or ".join(f"{{{part}}}" for part in parts)
    return f"labels {of}: {{service}}, {{model}}" + (f" and {alternatives}" if parts else "")

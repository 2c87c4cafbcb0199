"""Settings that no metric, no series and no incident can match, and names that look misspelt.

A producer of native records may give any metric, so of those only a name close to a known one is suspicious. Where all
inputs give the metrics of the alias table alone, a pattern that matches none of them certainly decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from typing import get_args

from classifiers.directives import Matcher
from classifiers.model import Category, Severity
from classifiers.silences import fits_value, parse_matcher
from classifiers.validation_errors import one_of
from config.errors import Problem
from config.models import Config
from config.source import Node, Path, problem_at
from detectors.regex import matches

NEAR = 0.85
_LITERAL = re.compile(r"[\w.:/-]+")
_PARTS = ("version", "replica", "tenant")


def unmatched(config: Config, tree: Node, aliased: Collection[str]) -> Iterator[Problem]:
    """Warnings of the operator's file. aliased: the metrics that the alias table gives; empty where they are unknown.
    """
    yield from _patterns(config, tree, aliased)
    for index, profile in enumerate(config.detection.profiles):
        place = ("detection", "profiles", index)
        reason = _no_series(profile.labels, config)
        if reason is not None and tree.at(place).file == tree.file:
            yield problem_at(tree, (*place, "labels"), ", ".join(profile.labels), reason)
    for index, window in enumerate(config.maintenance):
        for number, text in enumerate(window.matchers):
            reason = _no_incident(parse_matcher(text), config)
            if reason is not None:
                yield problem_at(tree, ("maintenance", index, "matchers", number), repr(text), reason)


def misspelt_topics(config: Config, tree: Node, shipped: Collection[str]) -> Iterator[Problem]:
    """Input topics that look like one of the shipped inputs, which is not among them. Whether a topic exists only a
    broker knows; a worker warns of inputs that it had to create."""
    inputs = [source.topic for source in config.inputs]
    absent = sorted(set(shipped) - set(inputs))
    for index, topic in enumerate(inputs):
        near = get_close_matches(topic, absent, n=1, cutoff=NEAR)
        if near and topic not in shipped:
            yield problem_at(tree, ("inputs", index, "topic"), repr(topic), f"a topic (did you mean {near[0]}?)")


def _patterns(config: Config, tree: Node, aliased: Collection[str]) -> Iterator[Problem]:
    """Of profiles and statistics: patterns over names of metrics that no input gives."""
    written: list[tuple[Path, str]] = [
        (("detection", "profiles", index, "metrics"), profile.metrics)
        for index, profile in enumerate(config.detection.profiles)
    ]
    own = {pattern for place, pattern in written if tree.at(place).file == tree.file}
    known = sorted({*aliased, *(name for _, pattern in written if pattern not in own for name in _literals(pattern))})
    written += [
        (("windows", "statistics", index, "metrics"), rule.metrics)
        for index, rule in enumerate(config.windows.statistics)
    ]
    closed = bool(aliased) and all(
        source.format != "native" and source.unknown_metrics == "drop" for source in config.inputs
    )
    for place, pattern in written:
        given = aliased if closed else known
        if tree.at(place).file != tree.file or any(matches(pattern, name) for name in given):
            continue
        near = next((_near(name, known) for name in _literals(pattern) if _near(name, known)), None)
        hint = f" (did you mean {near}?)" if near else ""
        if closed:
            expected = f"a metric that an input gives{hint}; with `unknown_metrics: drop` those of the alias table"
            yield problem_at(tree, place, repr(pattern), expected)
        elif near:
            yield problem_at(tree, place, repr(pattern), f"a metric that is known{hint}, unless a producer writes it")


def _literals(pattern: str) -> list[str]:
    """The alternatives of a pattern that are plain names."""
    return [] if "(" in pattern else [name for name in pattern.split("|") if _LITERAL.fullmatch(name)]


def _near(name: str, known: Collection[str]) -> str | None:
    """A known name that was probably meant. One that differs in its digits is another metric, as p90 is from p95."""
    found = get_close_matches(name, known, n=1, cutoff=NEAR)
    return found[0] if found and re.sub(r"\d", "", found[0]) != re.sub(r"\d", "", name) else None


def _no_series(labels: Collection[str], config: Config) -> str | None:
    """Why no series has all of these labels; None where one may."""
    marginals = config.scopes.marginals
    missing = [name for name in labels if name in _PARTS and name not in marginals]
    if missing:
        return f"labels that a series may have (scopes.marginals has no {missing[0]})"
    if len([name for name in labels if name in _PARTS]) > 1:
        return f"labels that one series may have: at most one of {', '.join(marginals)}"
    return None


def _no_incident(matcher: Matcher, config: Config) -> str | None:
    """Why a matcher fits no incident; None where it may."""
    if matcher.op == "=" and matcher.name in ("category", "severity"):
        names = list(get_args(Category if matcher.name == "category" else Severity))
        return None if matcher.value in names else one_of(matcher.value, names)
    if matcher.name not in _PARTS or matcher.name in config.scopes.marginals or _matches_nothing(matcher):
        return None
    return f"a label that an incident may have (scopes.marginals has no {matcher.name})"


def _matches_nothing(matcher: Matcher) -> bool:
    """Whether the matcher fits the empty text, which an incident without the label has."""
    return fits_value(matcher, "")

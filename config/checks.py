"""Checks across settings: settings that contradict each other, and those that are allowed but unwise."""

from __future__ import annotations

import re
from collections.abc import Iterator

from config.errors import Problem
from config.models import Config
from config.source import Node, Path, problem_at
from config.targets import impossible_targets, improbable_targets
from detectors.catalogue import CATALOGUE


def contradictions(config: Config, tree: Node) -> list[Problem]:
    """Settings that contradict each other. A worker does not start with them."""
    checks = (_unknown_actions, _repeated_names, _profiles, _windows, impossible_targets)
    return [problem for check in checks for problem in check(config, tree)]


def advise(config: Config, tree: Node) -> list[Problem]:
    """Settings that are valid, and that the operator should be warned of."""
    return [*_plaintext(config, tree), *improbable_targets(config, tree)]


def _unknown_actions(config: Config, tree: Node) -> Iterator[Problem]:
    for index, book in enumerate(config.playbooks):
        for number, step in enumerate(book.steps):
            if step.kind not in config.actions:
                configured = ", ".join(sorted(config.actions)) or "none is"
                place = ("playbooks", index, "steps", number, "kind")
                yield problem_at(tree, place, repr(step.kind), f"an action configured under actions ({configured})")


def _repeated_names(config: Config, tree: Node) -> Iterator[Problem]:
    names = [book.name for book in config.playbooks]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield problem_at(tree, ("playbooks", index, "name"), repr(name), "a name that no playbook above has")
    windows = [window.name for window in config.maintenance]
    for index, name in enumerate(windows):
        if name in windows[:index]:
            yield problem_at(tree, ("maintenance", index, "name"), repr(name), "a name that no window above has")
    topics = [source.topic for source in config.inputs]
    for index, topic in enumerate(topics):
        if topic in topics[:index]:
            yield problem_at(tree, ("inputs", index, "topic"), repr(topic), "a topic that no input above names")
    own: dict[str, str] = {}
    for purpose in type(config.topics).model_fields:
        topic = getattr(config.topics, purpose)
        if topic in own or topic in topics:
            other = f"topics.{own[topic]}" if topic in own else "inputs"
            yield problem_at(tree, ("topics", purpose), repr(topic), f"a topic of its own ({other} has this one)")
        own.setdefault(topic, purpose)


def _profiles(config: Config, tree: Node) -> Iterator[Problem]:
    for index, profile in enumerate(config.detection.profiles):
        place: Path = ("detection", "profiles", index)
        try:
            re.compile(profile.metrics)
        except re.error as error:
            yield problem_at(tree, (*place, "metrics"), repr(profile.metrics), f"a regular expression ({error})")
        for number, name in enumerate(profile.detectors or ()):
            if name not in CATALOGUE:
                expected = f"a detector: {', '.join(CATALOGUE)}"
                yield problem_at(tree, (*place, "detectors", number), repr(name), expected)


def _windows(config: Config, tree: Node) -> Iterator[Problem]:
    windows, scopes = config.windows, config.scopes
    if scopes.min_idle_s <= windows.max_wait_s + windows.size_s:
        expected = f"more than windows.max_wait and windows.size together ({windows.max_wait_s + windows.size_s:g} s)"
        yield problem_at(tree, ("scopes", "min_idle"), f"{scopes.min_idle_s:g} s", expected)


def _plaintext(config: Config, tree: Node) -> Iterator[Problem]:
    security = config.kafka.security
    if security.sasl is not None and not security.tls:
        yield problem_at(tree, ("kafka", "security", "sasl"), "a password without TLS", "kafka.security.tls: true")
    if security.tls and not security.verify_hostname:
        place = ("kafka", "security", "verify_hostname")
        yield problem_at(tree, place, "false", "true, or whoever has a certificate can pass for the broker")

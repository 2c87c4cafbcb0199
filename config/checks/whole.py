"""Checks across settings: settings that contradict each other, and those that are allowed but unwise."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import MISSING, Field, fields
from typing import Any

from actions.catalogue import CATALOGUE as ACTIONS
from actions.kinds.urls import proving_parameter
from classifiers.validation_errors import one_of
from config.audiences.checks import mistaken_audiences
from config.channels.checks import forbidden_hosts, mistaken_channels
from config.checks.references import unknown_references
from config.checks.shadowed import shadowed
from config.checks.shell_patterns import regular_expressions
from config.checks.stage_targets import unmet_targets
from config.checks.targets import impossible_targets, improbable_targets
from config.checks.unlikely import unlikely
from config.checks.unmatched import misspelt_topics, unmatched
from config.errors import Problem
from config.fields import SIGNING_MIN, yaml_name
from config.models import Config
from config.oncall.checks import mistaken_oncall
from config.source import Node, Path, as_list, as_mapping, problem_at
from config.trust.checks import mistaken_people, mistaken_private_file, unwise_signing
from config.units import duration_text
from detectors.regex import compiled


def mistakes_as_written(tree: Node) -> list[Problem]:
    """Mistakes that show in the file alone, also where other settings are wrong. A worker does not start with them."""
    written = as_mapping(tree.plain())
    checks = (
        _unknown_actions, _repeated_names, _repeated_topics, _profiles, mistaken_people, mistaken_private_file,
        mistaken_oncall, mistaken_channels, mistaken_audiences, unknown_references,
    )
    return [problem for check in checks for problem in check(written, tree)]


def contradictions(config: Config, tree: Node) -> list[Problem]:
    """Settings that contradict each other. A worker does not start with them."""
    checks = (_windows, _addresses, _labels, impossible_targets)
    found = [problem for check in checks for problem in check(config, tree)]
    return [*found, *forbidden_hosts(config.channels, config.respond.channel_hosts, tree)]


def advise(config: Config, tree: Node, shipped: Node, aliased: Collection[str]) -> list[Problem]:
    """Settings that are valid, and that the operator should be warned of. shipped: the tree of the default. aliased:
    the metrics that aggregated inputs give; empty where they are unknown."""
    inputs = as_list(as_mapping(shipped.plain()).get("inputs"))
    return [
        *_plaintext(config, tree), *unwise_signing(as_mapping(tree.plain()), tree), *improbable_targets(config, tree),
        *shadowed(config, tree), *unmatched(config, tree, aliased), *unmet_targets(config, tree),
        *regular_expressions(as_mapping(tree.plain()), tree), *unlikely(config, tree),
        *_public_secrets(config, tree),
        *misspelt_topics(config, tree, [str(as_mapping(source).get("topic")) for source in inputs]),
    ]


def _unknown_actions(written: Mapping[str, Any], tree: Node) -> Iterator[Problem]:
    configured = [
        name for name, section in as_mapping(written.get("actions")).items() if section is not None and name in ACTIONS
    ]
    for index, book in enumerate(as_list(written.get("playbooks"))):
        for number, step in enumerate(as_list(as_mapping(book).get("steps"))):
            kind = as_mapping(step).get("action")
            if isinstance(kind, str) and kind not in configured:
                place = ("playbooks", index, "steps", number, "action")
                yield problem_at(tree, place, repr(kind), _expected_action(kind, configured))


def _expected_action(kind: str, configured: list[str]) -> str:
    if kind not in ACTIONS:
        return f"{one_of(kind, list(ACTIONS))}, with a section under actions"
    needed = [yaml_name(field.name) for field in fields(ACTIONS[kind]) if _is_required(field)]
    settings = f" with {', '.join(needed)}" if needed else ""
    return f"a section actions.{kind}{settings} (configured: {', '.join(sorted(configured)) or 'none'})"


def _is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _repeated_names(written: Mapping[str, Any], tree: Node) -> Iterator[Problem]:
    profiles = as_mapping(written.get("detection")).get("profiles")
    for items, place, name, expected in (
        (written.get("playbooks"), ("playbooks",), "name", "a name that no playbook above has"),
        (written.get("maintenance"), ("maintenance",), "name", "a name that no window above has"),
        (written.get("inputs"), ("inputs",), "topic", "a topic that no input above names"),
        (profiles, ("detection", "profiles"), "name", "a name that no other profile of the file has"),
    ):
        names = [as_mapping(item).get(name) for item in as_list(items)]
        for index, found in enumerate(names):
            if found is not None and found in names[:index]:
                yield problem_at(tree, (*place, index, name), repr(found), expected)


def _repeated_topics(written: Mapping[str, Any], tree: Node) -> Iterator[Problem]:
    inputs = [as_mapping(source).get("topic") for source in as_list(written.get("inputs"))]
    own: dict[str, str] = {}
    for purpose, topic in as_mapping(written.get("topics")).items():
        if not isinstance(topic, str):
            continue
        places: list[tuple[Path, str]] = [(("topics", purpose), f"topics.{purpose}")]
        if topic in own:
            places.append((("topics", own[topic]), f"topics.{own[topic]}"))
        elif topic in inputs:
            places.append((("inputs", inputs.index(topic), "topic"), "inputs"))
        if len(places) == 2:
            # The operator can only mend what is in the file of the operator.
            (place, _), (_, other) = sorted(places, key=lambda one: tree.at(one[0]).file != tree.file)
            yield problem_at(tree, place, repr(topic), f"a topic of its own ({other} has this one)")
        own.setdefault(topic, purpose)


def _profiles(written: Mapping[str, Any], tree: Node) -> Iterator[Problem]:
    for index, profile in enumerate(as_list(as_mapping(written.get("detection")).get("profiles"))):
        place: Path = ("detection", "profiles", index)
        metrics = as_mapping(profile).get("metrics")
        try:
            compiled(metrics if isinstance(metrics, str) else "")
        except ValueError as error:
            yield problem_at(tree, (*place, "metrics"), repr(metrics), f"a regular expression of RE2 ({error})")


def _windows(config: Config, tree: Node) -> Iterator[Problem]:
    windows, scopes = config.windows, config.scopes
    if scopes.min_idle_s <= windows.max_wait_s + windows.size_s:
        least = duration_text(windows.max_wait_s + windows.size_s)
        expected = f"more than windows.max_wait and windows.size together ({least})"
        yield problem_at(tree, ("scopes", "min_idle"), duration_text(scopes.min_idle_s), expected)


def _addresses(config: Config, tree: Node) -> Iterator[Problem]:
    listen, telemetry = config.respond.listen, config.telemetry
    if listen is not None and telemetry.port and listen == f"{telemetry.host}:{telemetry.port}":
        yield problem_at(tree, ("respond", "listen"), listen, "another address than that of telemetry")


def _labels(config: Config, tree: Node) -> Iterator[Problem]:
    labels, marginals = config.labels, config.scopes.marginals
    for number, label in enumerate(labels.hashed):
        if label not in marginals:
            expected = f"one of scopes.marginals: {', '.join(marginals)}"
            yield problem_at(tree, ("labels", "hashed", number), label, expected)
    if labels.hashed and labels.secret is None:
        expected = f"labels.secret_file beside it, with a secret of at least {SIGNING_MIN} characters"
        yield problem_at(tree, ("labels", "hashed"), ", ".join(labels.hashed), expected)


def _plaintext(config: Config, tree: Node) -> Iterator[Problem]:
    security = config.kafka.security
    if security.sasl is not None and not security.tls:
        yield problem_at(tree, ("kafka", "security", "sasl"), "a password without TLS", "kafka.security.tls: true")
    if security.tls and not security.verify_hostname:
        place = ("kafka", "security", "verify_hostname")
        yield problem_at(tree, place, "false", "true, or whoever has a certificate can pass for the broker")


def _public_secrets(config: Config, tree: Node) -> Iterator[Problem]:
    """Of prerequisites: their URL goes into the intent, so whoever can read the topic of intents can read it."""
    for index, book in enumerate(config.playbooks):
        for number, step in enumerate(book.steps):
            name = None if step.when.http_ok is None else proving_parameter(step.when.http_ok)
            if name is not None:
                place = ("playbooks", index, "steps", number, "when", "http_ok")
                expected = f"a URL without {name}: intents hold it readably"
                yield problem_at(tree, place, repr(step.when.http_ok), expected)

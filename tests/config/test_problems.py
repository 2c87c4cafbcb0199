"""All problems of a file are reported at once, each with its place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import reduce
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions.catalogue import CATALOGUE
from config import ConfigError, examine, load, written
from config.load import read
from tests.config.texts import problems

AUTO = "auto, or a duration of more than 0 and at most 1h, such as 500ms or 30s"
EMPTY = ": got an empty file, expected a setting that differs from the default, or `version: 1`"
HEAD = "version: 1\n"
DEFAULT = files("config").joinpath("default.yaml").read_text(encoding="utf-8")


def test_all_problems_are_reported_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = HEAD + "windows:\n  size: 90s\n  lateness: soon\nkafka: {brokers: [nope]}\n"
    assert problems(tmp_path, text) == [
        ":3: windows.size: got '90s', expected a duration of at most 1m",
        f":4: windows.lateness: got 'soon', expected {AUTO}",
        ":5: kafka.brokers[0]: got 'nope', expected host:port",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("windoes: {size: 1s}", ":2: got the unknown setting 'windoes', expected windows (did you mean that?)"),
        ("windows: {size: 100ms}", ":2: windows.size: got '100ms', expected a duration of at least 250ms"),
        (
            "detection: {false_alarm_every: 7}", ":2: detection.false_alarm_every: got 7, expected a duration of at "
            "least 1m, such as 7m, 7h or 7d (a number without a unit is seconds)",
        ),
        (
            "detection: {false_alarm_every: often}",
            ":2: detection.false_alarm_every: got 'often', expected a duration such as 500ms, 30s, 5m or 7d",
        ),
        (
            "control: {remember: 90}", ":2: control.remember: got 90, expected a duration of at least 1h, such as 90m, "
            "90h or 90d (a number without a unit is seconds)",
        ),
        ("limits: {cooldown: -5}", ":2: limits.cooldown: got -5, expected a duration"),
        (
            "limits: {actions_per_hour: 20/h}", ":2: limits.actions_per_hour: got '20/h', expected a whole number per "
            "hour, without a unit, such as 20",
        ),
        (
            "limits: {fleet_share: 10%}", ":2: limits.fleet_share: got '10%', expected a number from 0 to 1, such as "
            "0.1 for 10 %",
        ),
        ("codec: {max_bytes: 1MB}", ":2: codec.max_bytes: got '1MB', expected a whole number of bytes, without a unit"),
        ("windows: {lateness: -1}", f":2: windows.lateness: got -1, expected {AUTO}"),
        ("windows: {idle_after: 0s}", f":2: windows.idle_after: got '0s', expected {AUTO}"),
        ("windows: {size: .nan}", ":2: windows.size: got nan, expected a finite number"),
        ("windows: 3", ":2: windows: got 3, expected a mapping of settings"),
        (
            "inputs: [{topic: b}, {topic: a, format: otlp_proto, count_requests: true}]",
            ":2: inputs[1].count_requests: got true, expected false for metrics that arrive aggregated",
        ),
        ("inputs: [{topic: b, formt: native}]", ":2: inputs[0]: got the unknown setting 'formt', expected format (did"),
        ("services: [{match: a, tier: high}]", ":2: services[0].tier: got 'high', expected a whole number"),
        ("services: {match: a, tier: 1}", ":2: services: got a mapping, expected a list"),
        ("targets: {P0: 3}", ":2: targets.P0: got 3, expected a mapping of settings"),
        ("targets: {P9: {}}", ":2: targets: got the key 'P9', expected one of P0, P1, P2, P3, P4"),
        ("executor: {dry_run: maybe}", ":2: executor.dry_run: got 'maybe', expected true or false"),
        ("inputs: [{topic: b}, {topic: a, format: otlp}]", ":2: inputs[1].format: got 'otlp', expected one of native,"),
        ("inputs: []", ":2: inputs: got a list, expected at least one"),
        ("limits: {fleet_share: 3}", ":2: limits.fleet_share: got 3.0, expected above 0 and at most 1"),
        ("triage: {sure_level: 0}", ":2: triage.sure_level: got 0.0, expected more than 0"),
        (
            "triage: {dependencies: [{service: a, on: [b]}, {service: b, on: [a]}]}",
            ":2: triage.dependencies: got a -> b -> a, expected no service that needs itself",
        ),
        ("detection: {cusum: {every_windows: 3}}", "got the unknown setting 'every_windows'"),
        ("detection: {cusum: {clipp: 3}}", "detection.cusum: got the unknown setting 'clipp', expected clip"),
        ("actions: {rolback: {}}", "got the unknown setting 'rolback', expected rollback (did you mean that?)"),
        ("actions: {rollback: {}}", ":2: actions.rollback.tracking_url: expected this setting to be given"),
        ("topics: {incidents: 'a b'}", ":2: topics.incidents: got 'a b', expected a topic's name"),
        ("topics: {incidents: inference.latency}", "got 'inference.latency', expected a topic of its own (inputs h"),
        (
            "inputs:\n  - {topic: mine}\n  - {topic: tocsin.incidents}",
            ":4: inputs[1].topic: got 'tocsin.incidents', expected a topic of its own (topics.incidents has this one)",
        ),
        (
            "topics: {actions: tocsin.incidents}",
            ":2: topics.actions: got 'tocsin.incidents', expected a topic of its own (topics.incidents has this one)",
        ),
        (
            "topics: {incidents: tocsin.actions}",
            ":2: topics.incidents: got 'tocsin.actions', expected a topic of its own (topics.actions has this one)",
        ),
        ("detection: {profiles: [{name: a, metrics: '('}]}", "expected a regular expression of RE2 (missing ): (;"),
        ("detection: {profiles: [{name: a, metrics: '(?!x).*'}]}", "RE2 has no look-around"),
        ("windows: {statistics: [{metrics: '(a)\\1', statistic: p95}]}", "RE2 has no look-around, no back references"),
        ("maintenance: [{name: a, matchers: ['tenant=~(?=a).*'], time_intervals: [{}]}]", "RE2 has no look-around"),
        ("respond: {trusted_proxies: [10.0.0.5/8]}", "trusted_proxies[0]: got '10.0.0.5/8', expected a network"),
        ("respond: {trusted_proxies: nginx}", "got 'nginx', expected a network such as 10.0.0.0/8, or one address"),
        ("respond: {trusted_proxies: [0.0.0.0/0]}", "or one address, and not all addresses"),
        ("detection: {profiles: [{name: a, metrics: x, detectors: [cusun]}]}", "absence (did you mean cusum?)"),
        ("windows: {size: 1s}\nwindows: {size: 2s}", ":3: windows: got a second one, expected one (the first is"),
        ("kafka: !!python/object:os.system {}", "kafka: got the tag"),
        ("kafka: !secret abc", "kafka: got the tag !secret, expected a value without a tag"),
    ],
)
def test_a_problem_names_its_place_its_value_and_what_is_expected(tmp_path: Path, text: str, message: str) -> None:
    (found,) = problems(tmp_path, HEAD + text + "\n")
    assert message in found


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("rollback", "a section actions.rollback with tracking_url (configured: notify)"),
        (
            "rolback",
            f"one of {', '.join(CATALOGUE)} (did you mean rollback?), with a section under actions",
        ),
    ],
)
def test_a_step_may_only_use_a_configured_action(tmp_path: Path, kind: str, expected: str) -> None:
    step = f'{{kind: {kind}, target: "{{service}}"}}'
    text = HEAD + f"playbooks:\n  - {{name: a, version: 1, match: {{}}, mode: auto, steps: [{step}]}}\n"
    assert problems(tmp_path, text) == [f":3: playbooks[0].steps[0].kind: got '{kind}', expected {expected}"]


def test_a_wrong_value_does_not_hide_an_action_that_is_not_configured_nor_a_repeated_name(tmp_path: Path) -> None:
    book = '{name: a, version: 1, match: {}, mode: automatic, steps: [{kind: throttle, target: "{service}"}]}'
    text = HEAD + f"windows: {{size: soon}}\nplaybooks: [{book}, {book}]\n"
    assert [found.partition(":")[2].partition(":")[2].partition(",")[0] for found in problems(tmp_path, text)] == [
        " windows.size: got 'soon'",
        " playbooks[0].mode: got 'automatic'", " playbooks[0].steps[0].kind: got 'throttle'",
        " playbooks[1].mode: got 'automatic'", " playbooks[1].name: got 'a'",
        " playbooks[1].steps[0].kind: got 'throttle'",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "kafka: {security: {tls: true, sasl: {mechanism: PLAIN, username: a, password_file: /nowhere}}}",
        'kafka: {instance_id: "${NOWHERE}"}',
        'kafka: {brokers: "${NOWHERE}"}',
        "inputs: [{topic: a, format: 3}]",
        "inputs: [3]",
    ],
)
def test_one_cause_is_one_problem(tmp_path: Path, text: str) -> None:
    assert len(problems(tmp_path, HEAD + text + "\n")) == 1


def test_a_value_that_may_be_of_several_kinds_is_one_problem(tmp_path: Path) -> None:
    step = '{kind: notify, target: "{service}", params: {a: [1]}}'
    text = HEAD + f"playbooks:\n  - {{name: a, version: 1, match: {{}}, mode: auto, steps: [{step}]}}\n"
    assert problems(tmp_path, text) == [
        ":3: playbooks[0].steps[0].params.a: got a list, expected text or a number or true or false"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", EMPTY),
        ("# only a comment\n", EMPTY),
        ("- a\n", ":1: got a list, expected a mapping of settings"),
        ("version: 1\nkafka: [a\n", ":3: expected valid YAML (expected ',' or ']', but got '<stream end>')"),
        ("version: 2\n", ":1: version: got 2, expected 1"),
    ],
)
def test_a_file_without_a_configuration_is_one_problem(tmp_path: Path, text: str, message: str) -> None:
    assert problems(tmp_path, text) == [message]


def test_a_file_that_cannot_be_read_is_one_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: expected a readable file \(No such file or directory\)"):
        load(tmp_path / "nowhere.yaml", {})
    (tmp_path / "latin.yaml").write_bytes(b"version: 1 # \xe9\n")
    with pytest.raises(ConfigError, match=r"latin\.yaml: got a byte 0xe9, expected UTF-8 text"):
        load(tmp_path / "latin.yaml", {})


def test_a_wrong_secret_is_not_shown(tmp_path: Path) -> None:
    text = HEAD + "kafka: {security: {sasl: {mechanism: PLAIN, username: a, password: [hunter2]}}}\n"
    (found,) = problems(tmp_path, text)
    assert "hunter2" not in found
    assert "kafka.security.sasl.password: got a secret" in found


def test_a_literal_secret_and_a_password_without_tls_give_warnings(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(HEAD + "kafka: {security: {sasl: {mechanism: PLAIN, username: a, password: hunter2}}}\n")
    config, warnings = examine(file, {})
    assert [warning.path for warning in warnings] == ["kafka.security.sasl", "kafka.security.sasl.password"]
    assert "hunter2" not in f"{warnings} {config}"


WRONG: tuple[object, ...] = (None, True, 3, -1, 1.5, "words", [], [1], [[]], {}, {"a": 1}, {"a": {"b": [2]}})
LIBRARY_WORDS = re.compile(
    r"Input|[Ff]ield required|should|valid (?!YAML)|dictionary|tuple|an instance|\bNone\b|True|False",
)


def messages(settings: object) -> str:
    """The problems of a file with these settings; empty where there are none."""
    try:
        read(json.dumps(settings), "any.yaml", DEFAULT, {})
    except ConfigError as error:
        return str(error)
    return ""


def paths(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The settings of a tree, and the sections."""
    if isinstance(value, Mapping):
        for name, child in value.items():
            yield (*path, name)
            yield from paths(child, (*path, name))


SETTINGS = tuple(paths(written(load(None, {}))))


@given(st.sampled_from(SETTINGS), st.sampled_from(WRONG))
@settings(max_examples=200, deadline=None)
def test_a_wrong_value_anywhere_is_reported_in_our_own_words(path: tuple[str, ...], wrong: object) -> None:
    assert not LIBRARY_WORDS.search(messages(reduce(lambda inner, name: {name: inner}, reversed(path), wrong)))


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
@pytest.mark.parametrize(
    "form",
    [
        '{"services": [{"match": %s, "tier": %s}]}', '{"inputs": [{"topic": "a", "labels": {"tenant": %s}}]}',
        '{"playbooks": [{"name": %s, "version": %s, "match": %s, "mode": %s, "steps": %s}]}',
        '{"playbooks": [{"name": "a", "version": 1, "match": {"scopes": %s}, "mode": "auto", "steps": [%s]}]}',
        '{"maintenance": [{"name": %s, "matchers": %s, "time_intervals": %s}]}',
        '{"maintenance": [{"name": "a", "time_intervals": [{"times": %s, "years": %s}]}]}',
        '{"control": {"keys": {"ops": {"secret": %s, "may": %s}}}}', '{"actions": {"rollback": %s}}',
    ],
)
def test_a_wrong_value_in_a_list_is_reported_in_our_own_words(form: str, wrong: object) -> None:
    assert not LIBRARY_WORDS.search(messages(json.loads(form.replace("%s", json.dumps(wrong)))))


@given(st.text(max_size=80))
def test_any_text_is_a_configuration_or_raises_a_config_error(text: str) -> None:
    try:
        read(text, "any.yaml", HEAD, {})
    except ConfigError as error:
        found = error.problems
    else:
        found = ()
    assert all(problem.expected for problem in found)

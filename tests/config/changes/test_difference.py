from __future__ import annotations

from pathlib import Path

import pytest

from config import load
from config.changes.difference import differences, waiting, with_live
from config.models import Config


def config_of(folder: Path, text: str) -> Config:
    file = folder / "site.yaml"
    file.write_text(text)
    return load(file, {})


@pytest.mark.parametrize(
    ("text", "shown", "live"),
    [
        ("triage: {confirm_instants: 7}", "triage.confirm_instants: ", True),
        (
            "detection: {profiles: [{name: latency, metrics: '.*_ms', min_rel: 0.5}]}", "detection.profiles[latency]",
            True,
        ),
        ("kafka: {group: other}", "kafka.group: tocsin -> other", False),
        ("codec: {brake: {window: 7}}", "codec.brake.window: ", False),
        ("services: [{match: pay, tier: 1}]", "services: ", True),
        ("inputs: [{topic: a}]", "inputs", False),
    ],
)
def test_each_difference_is_named_with_whether_a_reload_takes_it_over(
    tmp_path: Path, text: str, shown: str, live: bool,
) -> None:
    found = differences(load(None, {}), config_of(tmp_path, f"version: 1\n{text}\n"))
    assert found
    assert all(str(change).startswith(shown.split(":")[0]) and change.live is live for change in found)
    assert any(shown in str(change) for change in found)


def test_equal_configurations_have_none(tmp_path: Path) -> None:
    assert differences(load(None, {}), config_of(tmp_path, "version: 1\n")) == ()


def test_a_secret_that_changed_is_named_and_not_shown(tmp_path: Path) -> None:
    texts = [
        f"kafka: {{security: {{tls: true, sasl: {{mechanism: PLAIN, username: u, password: {secret}}}}}}}\n"
        for secret in ("first-secret", "second-secret")
    ]
    (change,) = differences(*(config_of(tmp_path, text) for text in texts))
    assert (change.path, change.live) == ("kafka (a secret)", False)
    assert not any(word in str(change) for word in ("first", "second"))


def test_what_a_reload_cannot_take_over_stays_and_is_named(tmp_path: Path) -> None:
    old, new = load(None, {}), config_of(
        tmp_path, "kafka: {group: other}\ntriage: {confirm_instants: 7}\ncodec: {max_metrics: 9, brake: {window: 7}}\n",
    )
    taken = with_live(old, new)
    assert (taken.kafka, taken.codec.brake) == (old.kafka, old.codec.brake)
    assert (taken.triage.confirm_instants, taken.codec.max_metrics) == (7, 9)
    assert [change.path for change in waiting(old, new)] == ["kafka.group", "codec.brake.window"]


def test_playbooks_wait_with_the_actions_that_they_may_need(tmp_path: Path) -> None:
    old, new = load(None, {}), config_of(tmp_path, """\
actions: {circuit_breaker: {url: "http://gateway/{target}"}}
playbooks:
  - {name: own, version: 1, match: {scopes: [replica]}, mode: suggest,
     steps: [{action: circuit_breaker, target: "{service}/{replica}"}]}
""")
    assert with_live(old, new).playbooks == old.playbooks
    assert {change.path.partition("[")[0].partition(".")[0] for change in waiting(old, new)} == {"actions", "playbooks"}

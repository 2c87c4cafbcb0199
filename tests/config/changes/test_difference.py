from __future__ import annotations

from pathlib import Path

import pytest

from config import ConfigError, load
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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("detection: {false_alarm_every: 30d}", "detection.false_alarm_every: 7d -> 30d"),
        ("windows: {lateness: 90s}", "windows.lateness: auto -> 90s"),
        ("windows: {size: 250ms}", "windows.size: 1s -> 250ms"),
        ("limits: {max_cooldown: 1h30m}", "limits.max_cooldown: 2h -> 1h30m"),
        ("targets: {P0: {detect: null}}", "targets.P0.detect: 5m -> nothing"),
        ("executor: {dry_run: true}", "executor.dry_run: false -> true"),
        ("scopes: {marginals: [version]}", "scopes.marginals: [version, replica, tenant] -> [version]"),
        (
            "playbooks: [{name: availability, expires_after: 1m}]",
            "playbooks[availability].expires_after: 2m -> 1m",
        ),
        (
            "people: {anna: {roles: viewer, away: [{from: 2026-12-20, until: 2026-12-21}]}}",
            "people.anna: nothing -> {roles: [viewer], keys: [], slack: null, token_sha256: nu...",
        ),
        (
            "escalation: {a: {grace: {P1: 90s}, steps: [{id: b, page: viewer}]}}",
            "escalation.a: nothing -> {severities: [], categories: [], grace: {P1: 90s}, rounds...",
        ),
    ],
)
def test_a_difference_is_shown_as_the_file_writes_it(tmp_path: Path, text: str, shown: str) -> None:
    found = differences(load(None, {}), config_of(tmp_path, f"version: 1\n{text}\n"))
    assert [str(change) for change in found] == [shown]


def test_an_instant_is_no_duration(tmp_path: Path) -> None:
    one, other = (
        config_of(tmp_path, f"people: {{anna: {{roles: viewer, away: [{{from: 2026-12-20, until: {day}}}]}}}}\n")
        for day in ("2026-12-21", "2026-12-22")
    )
    (change,) = differences(one, other)
    assert str(change) == "people.anna.away[0].until: 1797811200 -> 1797897600"


def test_secrets_need_not_be_there_where_they_are_not_used(tmp_path: Path) -> None:
    text = """\
version: 1
labels: {hashed: [tenant], secret_file: /run/secrets/LABELS}
channels:
  chat: {kind: discord, webhook_url_file: /run/secrets/discord}
  pager: {kind: pagerduty, routing_key: "${ROUTING_KEY}"}
respond: {channel_hosts: [events.pagerduty.com]}
signing: {private_file: /run/secrets/signing.pem}
"""
    with pytest.raises(ConfigError, match="LABELS"):
        config_of(tmp_path, text)
    file = tmp_path / "site.yaml"
    one = load(file, {}, secrets=False)
    assert differences(one, load(file, {}, secrets=False)) == ()
    file.write_text(text.replace("LABELS", "other"))
    assert [change.path for change in differences(one, load(file, {}, secrets=False))] == ["labels (a secret)"]


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

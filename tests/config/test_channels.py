"""The section `channels`: every kind can be written, mistakes are told with their place, and no secret is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from actions.channels.catalogue import CHANNEL_KINDS
from config import ConfigError, as_yaml
from tests.streams.fakes import config_of

FILE = """\
version: 1
channels:
  chat: {kind: slack, channel: C0INF, bot_token: super-secret-1, app_token: super-secret-2, on: [open, close, approval]}
  pager: {kind: pagerduty, routing_key: super-secret-3, from: P2, fallback: mail}
  alerts: {kind: alertmanager, url: "https://alerts.example", labels: {team: serving}, lasts: 4h}
  teams: {kind: teams, webhook_url: "https://teams.example/super-secret-4"}
  discord: {kind: discord, webhook_url: "https://discord.example/super-secret-5", every: 2s}
  mail:
    {kind: email, smtp: "smtps://mail.example", from_address: t@x.com, to: [a@x.com], user: t, password: super-secret}
  own: {kind: webhook, webhook_url: "https://own.example/super-secret-7", body: {say: ["{{ title }}"]}}
  itsm: {kind: servicenow, url: "https://x.service-now.com", user: tocsin, password: super-secret, poll: 1m}
"""


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        config_of(folder, text)
    return [str(problem).partition("site.yaml:")[2] for problem in caught.value.problems]


def test_each_kind_is_a_section_and_its_secrets_are_masked(tmp_path: Path) -> None:
    config = config_of(tmp_path, FILE)
    assert {one.kind for one in config.channels.values()} == set(CHANNEL_KINDS)
    assert "super-secret" not in as_yaml(config)
    pager = config.channels["pager"].route
    assert (pager.least, pager.pages, pager.fallback, pager.every_s) == ("P2", True, "mail", 1.0)
    assert config.channels["alerts"].route.repeat_s == 4 * 3600.0 / 3.0
    assert "approval" in config.channels["chat"].route.on


@pytest.mark.parametrize(("line", "expected"), [
    ("{kind: slak}", "channels.c.kind: got 'slak', expected"),
    ("{channel: C1}", "channels.c.kind: expected one of slack, pagerduty, "),
    ("{kind: null}", "channels.c.kind: got null, expected one of slack"),
    ("{kind: 3}", "channels.c.kind: got 3, expected one of slack"),
    ("{kind: pagerduty, routing_key_file: /no/file}", "channels.c.routing_key_file: got '/no/file', expected a"),
    ("{kind: pagerduty}", "channels.c.routing_key: expected this setting to be given"),
    ("{kind: pagerduty, routing_key: x, fallback: c}", "channels.c.fallback: got 'c', expected one of the other"),
    ("{kind: pagerduty, routing_key: x, from: P7}", "channels.c.from: got 'P7', expected"),
    ("{kind: webhook, webhook_url: 'http://x.example/1'}", "channels.c.webhook_url: got a secret, expected https"),
    ("{kind: webhook, webhook_url: 'https://x.example/1', body: {a: '{{ b }}'}}", "channels.c.body: got"),
    ("{kind: slack, channel: '#ops', bot_token: x}", "channels.c.channel: got '#ops', expected the id"),
])
def test_a_mistake_is_told_with_its_place(tmp_path: Path, line: str, expected: str) -> None:
    (found,) = problems(tmp_path, f"version: 1\nchannels:\n  c: {line}\n")
    assert found.startswith("3: ")
    assert found.removeprefix("3: ").startswith(expected)


def test_a_channel_at_a_host_that_is_not_allowed_is_a_mistake(tmp_path: Path) -> None:
    allowed = "slack.com, events.pagerduty.com, mail.example, alerts.example, own.example, x.service-now.com"
    hosts = f"respond: {{channel_hosts: [{allowed}]}}\n"
    found = problems(tmp_path, FILE + hosts)
    assert [one.split(", expected")[0] for one in found] == [
        "6: channels.teams: got host teams.example", "7: channels.discord: got host discord.example",
    ]


def test_a_channel_that_is_no_mapping_is_one_mistake(tmp_path: Path) -> None:
    found = problems(tmp_path, "version: 1\nchannels: {c: 1}\n")
    assert found == ["2: channels.c: got 1, expected a mapping of settings"]

"""The sections `schedules` and `escalation`, and what people need for them: mistakes are named with their place."""

from __future__ import annotations

from pathlib import Path

import pytest

import config
from actions.oncall.findings import findings
from config.oncall.build import channel_contacts_of, contacts_of, policies_of, reach_of, roster_of, rules_of
from config.trust.build import directory_of
from tests.config.texts import load_text, problems

WHOLE = """\
version: 1
people:
  anna: {roles: [responder, commander], mail: anna@example.com, slack: T01/U7A, contacts: {discord: "42"}}
  ben: {roles: [responder], mail: ben@example.com, away: [{from: 2026-12-20, until: 2027-01-02}]}
  chi: {roles: [viewer]}
services:
  - {name: chat, match: "chat*", tier: 1, owners: [anna, ben, chi], escalation: [data, critical]}
  - {match: "search", tier: 2}
schedules:
  primary: {tz: Europe/Berlin, people: [anna, ben], handover: "mon 09:00", every: 1w, from: 2026-01-05, holidays: DE,
            backup: asia}
  asia: {tz: Asia/Tokyo, people: chi, handover: "21:00", every: 1d, hours: "mon-fri 09:00-17:00, sat 10:00-12:00"}
  fixed: {tz: UTC, shifts: [{person: anna, from: "2026-12-01T09:00:00+01:00", until: 2026-12-02}]}
escalation:
  critical: {severities: [P0, P1], grace: {P1: 90s}, rounds: 3, round_after: 20m, fallback: mail, ack_lapses: 30m,
    steps: [
    {id: primary, page: primary, via: [pager, slack]}, {id: backup, after: 5m, page: "asia, ben", via: pager},
    {id: lead, after: 15m, page: commander, tell: executive, severity: P0,
     early_if: {expected_resolve: 1h, tenants: 5}}]}
  data: {categories: data_quality, steps: [{id: one, page: anna}]}
  default: {steps: [{id: one, page: responder}]}
"""
WEBHOOK = 'actions: {notify: {url: "https://pager.example"}}\n'
"""Without channels, a step may name whatever the webhook of the action `notify` knows."""


def test_schedules_policies_and_contacts_are_read(tmp_path: Path) -> None:
    site = load_text(tmp_path, WHOLE + WEBHOOK)
    primary, asia, fixed = roster_of(site).schedules.values()
    assert primary.rotation is not None
    assert (primary.rotation.people, primary.rotation.every_days, str(primary.rotation.first_turn)) == (
        ("anna", "ben"), 7, "2026-01-05",
    )
    assert (primary.holidays, primary.backup, len(asia.hours), fixed.rotation) == (("DE",), "asia", 2, None)
    assert fixed.shifts[0].until_s - fixed.shifts[0].from_s == 16 * 3600.0
    assert roster_of(site).is_away("ben", 1798000000.0)
    data, critical = policies_of(site, "chat-eu")
    assert (data.name, data.categories, critical.grace, critical.ack_lapses_s) == (
        "data", ("data_quality",), {"P1": 90.0}, 1800.0,
    )
    assert (critical.steps[1].page, critical.steps[2].early_if.tenants) == (("asia", "ben"), 5)
    assert [one.name for one in policies_of(site, "search")] == ["default"]
    assert contacts_of(site.people["anna"]) == {"mail": "anna@example.com", "slack": "T01/U7A", "discord": "42"}
    reach = reach_of(site)
    assert (reach.responders, reach.asked["asia"]) == ({"anna", "ben"}, [frozenset({"pager"})])


def test_a_step_pages_who_is_on_call_a_person_or_all_with_the_role_for_the_service(tmp_path: Path) -> None:
    site = load_text(tmp_path, WHOLE + WEBHOOK)
    rules = rules_of(site, directory_of(site.people, site.owners_of), tuple, lambda: 1780300800.0)
    found = [rules.recipients(target, "chat-eu") for target in ("primary", "fixed", "chi", "responder", "approver")]
    assert found == [("ben",), (), ("chi",), ("anna", "ben"), ()]
    assert (rules.resolve_target_s("P0"), rules.resolve_target_s("P4")) == (1800.0, None)
    assert (rules.may_acknowledge("ben", "chat-eu"), rules.may_acknowledge("chi", "chat-eu")) == (True, False)


def test_the_example_of_the_page_is_whole_and_without_a_finding(tmp_path: Path) -> None:
    page = Path(config.__file__).parents[1] / "docs" / "oncall.md"
    example = page.read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]
    site = load_text(tmp_path, example)
    begin_s = 1_796_000_000.0
    assert findings(roster_of(site), (), reach_of(site), begin_s, begin_s + 180 * 86_400.0) == []
    assert [one.id for one in policies_of(site, "chat")[0].steps] == ["primary", "backup", "lead", "vendor"]


def test_without_the_sections_nobody_is_paged(tmp_path: Path) -> None:
    site = load_text(tmp_path, "version: 1\n")
    assert (policies_of(site, "chat"), roster_of(site).schedules) == ((), {})


@pytest.mark.parametrize(("old", "new", "message"), [
    ("people: [anna, ben]", "people: [anna, bne]", ":10: schedules.primary.people[1]: got 'bne', expected one of"),
    ("people: chi,", "people: hci,", ":12: schedules.asia.people: got 'hci', expected one of people: anna, ben, chi"),
    ("person: anna", "person: ann", ":13: schedules.fixed.shifts[0].person: got 'ann', expected one of people"),
    ("Asia/Tokyo", "Asia/Tokio", ":12: schedules.asia.tz: got 'Asia/Tokio', expected a time zone of the IANA"),
    ("mon 09:00", "mon 29:00", ":10: schedules.primary.handover: got 'mon 29:00', expected a local hour such as"),
    ("mon 09:00", "monday", ":10: schedules.primary.handover: got 'monday', expected a local hour such as 09:00, or"),
    ("every: 1w", "every: 3d", ":10: schedules.primary.every: got 3d, expected whole weeks, since the handover names"),
    ("every: 1w", "every: 12h", ":10: schedules.primary.every: got '12h', expected whole days or weeks"),
    ("holidays: DE", "holidays: XX", ":10: schedules.primary.holidays: got 'XX', expected a country of ISO 3166"),
    ("holidays: DE", "holidays: DE-XX", ":10: schedules.primary.holidays: got 'DE-XX', expected DE, or with one of"),
    ("backup: asia", "backup: europe", ":11: schedules.primary.backup: got 'europe', expected one of schedules"),
    ("every: 1d,", "every: 1d, backup: primary,", ":12: schedules.asia.backup: got 'primary', expected a schedule"),
    ("fixed: {tz: UTC,", "fixed: {tz: UTC, holidays: DE,", ":13: schedules.fixed.holidays: got 'DE', expected a"),
    ("09:00-17:00", "9 to 5", ":12: schedules.asia.hours: got 'mon-fri 9 to 5"),
    ("until: 2026-12-02", "until: 2026-11-02", ":13: schedules.fixed.shifts[0]"),
    ("until: 2027-01-02", "until: 2026-01-02", ":4: people.ben.away[0]"),
    ("page: primary,", "page: none,", ":17: escalation.critical.steps[0].page: got 'none', expected a schedule"),
    ("asia, ben", "asia, bne", ":17: escalation.critical.steps[1].page: got 'bne', expected a schedule, a person or a"),
    ("after: 5m", "after: 50m", ":18: escalation.critical.steps[2].after: got '15m', expected a time not before"),
    ("id: backup", "id: primary", ":17: escalation.critical.steps[1].id: got 'primary', expected an id that no step"),
    ("page: anna", "via: mail", ":20: escalation.data.steps[0].page: got [], expected a schedule, a person or a role"),
    ("rounds: 3", "rounds: 0", ":15: escalation.critical.rounds: got 0"),
    ("[data, critical]", "[data, critcal]", ":7: services[0].escalation[1]: got 'critcal', expected one of escalation"),
    ("  fixed:", "  anna:", ":13: schedules.anna: got 'anna', expected a name that is not that of a person"),
    ("  fixed:", "  commander:", ":13: schedules.commander: got 'commander', expected a name that is not that of"),
])
def test_a_mistake_is_named_with_line_value_and_expectation(
    tmp_path: Path, old: str, new: str, message: str,
) -> None:
    assert old in WHOLE
    found = problems(tmp_path, WHOLE.replace(old, new, 1) + WEBHOOK)
    assert any(one.startswith(message) for one in found), found


CHANNELS = """\
channels:
  chat: {kind: slack, channel: C0INF, bot_token: xoxb-1}
  pager: {kind: pagerduty, routing_key: key}
  post: {kind: email, smtp: "smtps://mail.example.com", from_address: t@example.com}
  board: {kind: discord, webhook_url: "https://discord.com/api/webhooks/1/x"}
"""


def test_an_address_is_that_under_the_name_of_the_channel_else_that_of_its_kind(tmp_path: Path) -> None:
    named = WHOLE.replace("contacts: {discord", "contacts: {board").replace("fallback: mail", "fallback: post")
    site = load_text(tmp_path, named.replace("via: [pager, slack]", "via: [pager, chat]") + CHANNELS)
    contacts = channel_contacts_of(site)
    assert contacts.addresses["anna"] == {"chat": "U7A", "post": "anna@example.com", "board": "42"}
    assert (contacts.channels_for("ben", None), contacts.channels_for("ben", "chat")) == (("post",), ("chat",))
    assert (contacts.channels_for("chi", None), contacts.paging) == (("pager",), ("pager",))
    assert {"chat", "pager", "board"} <= set(reach_of(site).contacts["anna"])
    assert "chat" not in reach_of(site).contacts["ben"]


def test_with_channels_a_step_and_a_policy_name_only_those(tmp_path: Path) -> None:
    found = [str(one) for one in problems(tmp_path, WHOLE + CHANNELS)]
    assert [one for one in found if "'mail'" in one and "one of channels: chat, pager, post, board" in one]
    assert [one for one in found if "'slack'" in one and "one of channels: chat, pager, post, board" in one]
    assert [one for one in found if one.startswith(":3: people.anna.contacts.discord: got 'discord', expected one of")]
    assert len(found) == 3

"""Every setting that names something else of the configuration is checked: a misspelt name is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from config.checks.references import REFERENCES
from tests.config.texts import load_text, problems

WHOLE = """\
version: 1
people:
  anna: {roles: [responder, commander], contacts: {board: "42"}}
  ben: {roles: [responder]}
services:
  - {match: chat, tier: 1, owners: [anna], escalation: [critical]}
schedules:
  primary: {tz: UTC, people: [anna, ben], backup: fixed}
  fixed: {tz: UTC, shifts: [{person: anna, from: 2026-12-01, until: 2026-12-02}]}
escalation:
  critical: {fallback: post, steps: [
    {id: first, page: [primary, anna, commander], via: [board, post], tell: [executive, gpu-vendor, board-of-ops]}]}
channels:
  board: {kind: discord, webhook_url: "https://discord.example/1", fallback: post}
  post: {kind: email, smtp: "smtps://mail.example.com", from_address: t@example.com}
audiences:
  board-of-ops: {reader: technical, via: "board, post"}
actions:
  throttle: {url: "https://gateway.example/{target}"}
  webhook: {hooks: {drain: {run: {url: "https://a.example"}, undo: {url: "https://a.example"}}}}
playbooks:
  - name: own
    version: 1
    match: {service: chat}
    mode: suggest
    on_open: [technical, security]
    on_change: [executive]
    on_failure: [page]
    on_close: [board-of-ops]
    always: [eu-customer]
    steps:
      - {action: throttle, target: "{service}", when: {not_in_force: [rollback]}, approval: {roles: [approver]}}
      - {action: webhook, target: "{service}", params: {hook: drain}}
detection:
  profiles: [{name: own, metrics: x, detectors: [cusum]}]
"""
CASES = {
    "services.*.owners": ("owners: [anna]", "anna", "anan", "one of people: anna, ben"),
    "services.*.escalation": ("escalation: [critical]", "critical", "critcal", "one of escalation: critical"),
    "schedules.*.people": ("people: [anna, ben]", "anna", "anan", "one of people: anna, ben"),
    "schedules.*.shifts.*.person": ("person: anna", "anna", "anan", "one of people: anna, ben"),
    "schedules.*.backup": ("backup: fixed", "fixed", "fixd", "one of schedules: primary, fixed"),
    "escalation.*.steps.*.page": ("[primary, anna", "primary", "primry", "a schedule, a person or a role: primary, "),
    "escalation.*.steps.*.tell": ("gpu-vendor, board-of-ops", "board-of-ops", "board-of-op", "one of audiences: "),
    "escalation.*.steps.*.via": ("via: [board, post]", "post", "posts", "one of channels: board, post"),
    "escalation.*.fallback": ("{fallback: post", "post", "posts", "one of channels: board, post"),
    "channels.*.fallback": (", fallback: post", "post", "posts", "one of the other channels: post"),
    "audiences.*.via": ("board, post\"", "post", "posts", "one of channels: board, post"),
    "people.*.contacts": ("{board: ", "board", "bord", "one of channels: board, post"),
    "playbooks.*.on_open": ("[technical, security]", "technical", "tecnical", "one of audiences: board-of-ops, techni"),
    "playbooks.*.on_change": ("on_change: [executive]", "executive", "executiv", "one of audiences: "),
    "playbooks.*.on_failure": ("on_failure: [page]", "page", "paeg", "one of audiences: "),
    "playbooks.*.on_close": ("on_close: [board-of-ops]", "board-of-ops", "board-of-op", "one of audiences: "),
    "playbooks.*.always": ("eu-customer", "eu-customer", "custmer", "one of audiences: "),
    "playbooks.*.steps.*.approval.roles": ("roles: [approver]", "approver", "aprover", "one of the roles: viewer, "),
    "playbooks.*.steps.*.when.not_in_force": ("[rollback]", "rollback", "rolback", "one of the kinds of action: "),
    "playbooks.*.steps.*.params.hook": ("hook: drain", "drain", "drian", "one of actions.webhook.hooks: drain"),
    "detection.profiles.*.detectors": ("[cusum]", "cusum", "cusm", "one of the detectors: "),
}
"""By reference: the place in the text, the name there, a misspelt one, and what is expected instead."""


def test_each_reference_has_a_case() -> None:
    assert CASES.keys() == {reference.path for reference in REFERENCES}


def test_names_that_are_there_are_right(tmp_path: Path) -> None:
    assert load_text(tmp_path, WHOLE).playbooks[0].always == ("eu-customer",)


@pytest.mark.parametrize("path", CASES)
def test_a_misspelt_name_is_refused_with_place_value_and_the_near_one(tmp_path: Path, path: str) -> None:
    place, name, misspelt, expected = CASES[path]
    assert WHOLE.count(place) == 1
    text = WHOLE.replace(place, place.replace(name, misspelt))
    line = text[:text.index(place.replace(name, misspelt))].count("\n") + 1
    (found,) = problems(tmp_path, text)
    dotted = re.sub(r"\[\d+\]", ".*", found.split(": ")[1])
    star = re.sub(r"^(people|schedules|escalation|channels|audiences)\.[\w-]+", r"\1.*", dotted)
    assert star.startswith(path)
    assert re.match(rf":({line}|{line - 1}): ", found)
    assert f": got {misspelt!r}, expected {expected}" in found
    assert misspelt == "custmer" or f"(did you mean {name}?)" in found


def test_without_channels_a_name_in_via_is_refused_unless_a_webhook_gets_it(tmp_path: Path) -> None:
    text = "version: 1\npeople: {anna: {roles: responder}}\nescalation:\n"
    text += "  default: {steps: [{id: a, page: anna, via: slak}]}\n"
    assert problems(tmp_path, text) == [
        ":4: escalation.default.steps[0].via: got 'slak', expected one of channels: none is configured (with "
        "actions.notify.url, any name: its webhook gets it)",
    ]
    load_text(tmp_path, text + "actions: {notify: {url: 'https://pager.example'}}\n")
    (found,) = problems(tmp_path, "version: 1\naudiences: {technical: {via: slak}}\n")
    assert found == ":2: audiences.technical.via: got 'slak', expected one of channels: none is configured"

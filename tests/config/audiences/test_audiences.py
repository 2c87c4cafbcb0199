"""The section `audiences` and its templates: settings by reader, and each mistake with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from actions.audiences.audience import OrIf, Reach
from config.audiences.build import audience_of
from tests.config.texts import load_text, problems

HEAD = "version: 1\n"


def test_the_settings_of_an_audience_say_when_it_is_told(tmp_path: Path) -> None:
    mail = "{kind: email, smtp: 'smtp://mail.example', from_address: t@x.example, to: [o@x.example]}"
    text = f"{HEAD}channels: {{mail: {mail}}}\n"
    text += "audiences:\n  executive: {via: [mail], to: [cto@x.example], from: P1, every: 30m, zone: " \
        "Europe/Berlin, or_if: {expected_resolve: 1h, tenants: 5}}\n"
    found = audience_of(load_text(tmp_path, text).audiences, "executive")
    assert found is not None
    assert found.reach == Reach("P1", ("open", "change", "close"), 1800.0, OrIf(3600.0, 5))
    assert (found.via, found.to, found.zone) == (("mail",), ("cto@x.example",), "Europe/Berlin")


@pytest.mark.parametrize(
    ("settings", "release"),
    [
        ("customer: {from: P1}", ("commander",)), ("customer: {approval: null}", ()),
        ("eu-customer: {approval: {roles: [approver]}}", ("approver",)), ("executive: {}", ()),
    ],
)
def test_texts_to_customers_are_drafts_unless_configured(
    tmp_path: Path, settings: str, release: tuple[str, ...],
) -> None:
    found = audience_of(
        load_text(tmp_path, f"{HEAD}audiences: {{{settings}}}\n").audiences, settings.partition(":")[0],
    )
    assert found is not None
    assert found.reach.release == release


def test_a_file_takes_the_place_of_a_shipped_template(tmp_path: Path) -> None:
    file = tmp_path / "open.txt"
    file.write_text("{{ title }}\nOurs.")
    text = f"{HEAD}audiences: {{gpu-vendor: {{templates: {{open: {file}}}}}}}\n"
    found = audience_of(load_text(tmp_path, text).audiences, "gpu-vendor")
    assert found is not None
    assert found.templates["open"] == "{{ title }}\nOurs."
    assert found.templates["close"].startswith("The problem that may have involved your service")


def test_a_mistake_in_a_template_is_named_with_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "open.txt"
    file.write_text("{{ title }}\nSince {{ begun }}\n")
    (found,) = problems(tmp_path, f"{HEAD}audiences: {{technical: {{templates: {{open: {file}}}}}}}\n")
    assert found.startswith(f"{file}:2: got the variable 'begun', expected one of ")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("board: {}", ":2: audiences.board: got 'board', expected a setting reader: technical, executive, customer"),
        ("technical: {zone: Berlin}", ":2: audiences.technical.zone: got 'Berlin', expected a time zone by its IANA"),
        ("technical: {every: 1s}", ":2: audiences.technical.every: got '1s', expected a duration of at least 1m"),
        ("technical: {or_if: {tenants: 0}}", ":2: audiences.technical.or_if.tenants: got 0, expected at least 1"),
        ("technical: {templates: {open: /none}}", ":2: audiences.technical.templates.open: got '/none', expected a"),
    ],
)
def test_each_mistake_is_named_with_its_place(tmp_path: Path, settings: str, message: str) -> None:
    assert [found[:len(message)] for found in problems(tmp_path, f"{HEAD}audiences: {{{settings}}}\n")] == [message]

"""A shell pattern that looks like a regular expression is warned of, with what was probably meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import examine
from config.checks.shell_patterns import OF_ALLOW_FILE, SHELL_PATTERNS
from config.executor.allow_file import examine_allow_file

PLACES = {
    "services.*.match": "services: [{match: 'PATTERN', tier: 1}]",
    "playbooks.*.match.service": "playbooks: [{name: a, version: 1, match: {service: 'PATTERN'}, mode: observe}]",
    "triage.dependencies.*.service": "triage: {dependencies: [{service: 'PATTERN', on: [search]}]}",
    "triage.dependencies.*.on": "triage: {dependencies: [{service: search, on: ['PATTERN']}]}",
    "detection.profiles.*.labels.*": "detection: {profiles: [{name: a, metrics: x_ms, labels: {tenant: 'PATTERN'}}]}",
}


def warnings(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "site.yaml"
    file.write_text(f"version: 1\n{text}\n")
    return [str(one).removeprefix(str(file)) for one in examine(file, {})[1]]


def test_each_setting_that_is_a_shell_pattern_has_a_case() -> None:
    assert tuple(PLACES) == SHELL_PATTERNS


@pytest.mark.parametrize("place", PLACES)
def test_a_regular_expression_in_a_shell_pattern_is_warned_of_at_its_place(tmp_path: Path, place: str) -> None:
    (found,) = warnings(tmp_path, PLACES[place].replace("PATTERN", "^chat.*$"))
    assert found.startswith(f":2: {place.split('.')[0]}")
    assert found.endswith(": got '^chat.*$', expected a shell pattern (as 'chat*'; it is no regular expression)")


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [
        ("chat$", "as 'chat'"), (r"chat-\d+", "as 'chat-[0-9]'"), ("chat.+", "as 'chat?*'"), ("v[0-9]+", "as 'v[0-9]'"),
        ("(chat|search)", "each alternative of its own"), ("chat|search", "each alternative of its own"),
    ],
)
def test_the_warning_says_what_to_write(tmp_path: Path, pattern: str, meant: str) -> None:
    (found,) = warnings(tmp_path, PLACES["services.*.match"].replace("PATTERN", pattern))
    assert meant in found


@pytest.mark.parametrize("pattern", ["chat", "chat-*", "chat-?", "v[0-9]", "chat.eu", "*-eu", "a+b"])
@pytest.mark.parametrize("place", PLACES)
def test_a_shell_pattern_is_right(tmp_path: Path, place: str, pattern: str) -> None:
    assert warnings(tmp_path, PLACES[place].replace("PATTERN", pattern)) == []


def test_the_patterns_of_the_allow_list_are_warned_of(tmp_path: Path) -> None:
    file = tmp_path / "allow.yaml"
    file.write_text("version: 1\nallow:\n  - {kind: rollback, targets: ['^chat/.*'], versions: [v1, 'v.*']}\n")
    found = [str(one) for one in examine_allow_file(file)[1]]
    assert len(found) == len(OF_ALLOW_FILE)
    assert found[0].startswith(f"{file}:3: allow[0].targets[0]: got '^chat/.*', expected a shell pattern (as 'chat/*'")
    assert found[1].startswith(f"{file}:3: allow[0].versions[1]: got 'v.*', expected a shell pattern (as 'v*'")

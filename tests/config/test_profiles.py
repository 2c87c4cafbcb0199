"""Profiles are merged by name; those and playbooks that can never decide are warned of."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import examine, load
from tests.config.texts import load_text, problems

SHIPPED = load(None, {}).detection.profiles


def profiles(text: str) -> str:
    return f"version: 1\ndetection:\n  profiles:\n{text}"


def test_a_profile_is_laid_over_the_shipped_one_of_its_name(tmp_path: Path) -> None:
    config = load_text(tmp_path, profiles("    - {name: errors, min_abs: 0.02}\n"))
    (changed,) = [(old, new) for old, new in zip(SHIPPED, config.detection.profiles, strict=True) if old != new]
    assert changed[1].name == "errors"
    assert changed[1].min_abs == 0.02
    assert changed[1].metrics == changed[0].metrics


def test_profiles_with_new_names_come_before_the_shipped_ones_in_their_order(tmp_path: Path) -> None:
    config = load_text(tmp_path, profiles(
        "    - {name: b, metrics: latency_ms}\n    - {name: any, min_rel: 0.3}\n    - {name: a, metrics: latency_ms}\n",
    ))
    names = [profile.name for profile in config.detection.profiles]
    assert names == ["b", "a", *(profile.name for profile in SHIPPED)]


@pytest.mark.parametrize("name", ["errors", "mine"])
def test_a_name_that_comes_twice_is_a_mistake(tmp_path: Path, name: str) -> None:
    text = profiles(f"    - {{name: {name}, metrics: a}}\n    - {{name: {name}, metrics: b}}\n")
    (problem,) = problems(tmp_path, text)
    assert f"'{name}', expected a name that no other profile of the file has" in problem


def warnings(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "site.yaml"
    file.write_text(text, encoding="utf-8")
    return [str(warning).removeprefix(str(file)) for warning in examine(file, {})[1]]


@pytest.mark.parametrize(("first", "second"), [
    ("metrics: '.*'", "metrics: latency_ms"),
    ("metrics: latency_ms", "metrics: latency_ms"),
    ("metrics: latency_ms", "metrics: latency_ms, labels: {tenant: a}"),
    ("metrics: latency_ms, labels: {tenant: 'a*'}", "metrics: latency_ms, labels: {tenant: ab}"),
])
def test_a_profile_behind_one_that_matches_all_it_matches_is_warned_of(
    tmp_path: Path, first: str, second: str,
) -> None:
    text = profiles(f"    - {{name: first, {first}}}\n    - {{name: second, {second}}}\n")
    (warning,) = warnings(tmp_path, text)
    assert warning.startswith(":5: detection.profiles[1]: got 'second', expected a profile that decides something")


@pytest.mark.parametrize(("first", "second"), [
    ("metrics: latency_ms", "metrics: '.*'"),
    ("metrics: latency_ms, labels: {tenant: a}", "metrics: latency_ms"),
    ("metrics: latency_ms, labels: {tenant: ab}", "metrics: latency_ms, labels: {tenant: 'a*'}"),
])
def test_a_profile_that_matches_more_than_the_one_before_it_is_not(tmp_path: Path, first: str, second: str) -> None:
    assert warnings(tmp_path, profiles(f"    - {{name: first, {first}}}\n    - {{name: second, {second}}}\n")) == []


def test_the_shipped_profiles_shadow_none_of_each_other(tmp_path: Path) -> None:
    assert warnings(tmp_path, "version: 1\n") == []


PLAYBOOK = (
    "  - {{name: {name}, version: 1, mode: observe, match: {{{match}}}, "
    "steps: [{{kind: notify, target: '{{service}}'}}]}}\n"
)


@pytest.mark.parametrize(("first", "second", "is_shadowed"), [
    ("", "categories: [availability]", True),
    ("categories: [availability, security]", "categories: [availability]", True),
    ("severities: [P0]", "severities: [P0], service: chat", True),
    ("service: 'chat*'", "service: chat-eu", True),
    ("categories: [availability]", "", False),
    ("severities: [P0]", "severities: [P0, P1]", False),
    ("service: chat-eu", "service: 'chat*'", False),
])
def test_a_playbook_behind_one_that_matches_all_it_matches_is_warned_of(
    tmp_path: Path, first: str, second: str, is_shadowed: bool,
) -> None:
    books = PLAYBOOK.format(name="first", match=first) + PLAYBOOK.format(name="second", match=second)
    found = warnings(tmp_path, f"version: 1\nactions: {{notify: {{}}}}\nplaybooks:\n{books}")
    assert [warning.split(":")[2].strip() for warning in found] == (["playbooks[1]"] if is_shadowed else [])

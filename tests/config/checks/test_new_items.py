"""A misspelt name of a shipped profile, playbook or step is told as such, and not as a setting that is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.texts import problems

GATEWAY = "actions: {circuit_breaker: {url: 'http://127.0.0.1/{target}'}}\n"


@pytest.mark.parametrize(("text", "expected"), [
    ("detection: {profiles: [{name: latncy, min_rel: 0.5}]}",
     ":3: detection.profiles[0].name: got 'latncy', expected the name of a shipped profile (did you mean latency?); "
     "no shipped one is named so, and a new one needs metrics"),
    ("detection: {profiles: [{name: own, min_rel: 0.5}]}",
     ":3: detection.profiles[0].name: got 'own', expected the name of a shipped profile; "
     "no shipped one is named so, and a new one needs metrics"),
    ("playbooks: [{name: availabilty, mode: auto}]",
     ":3: playbooks[0].name: got 'availabilty', expected the name of a shipped playbook (did you mean availability?); "
     "no shipped one is named so, and a new one needs version, match"),
    ("playbooks: [{name: availability, steps: [{id: isolat, mode: auto}]}]",
     ":3: playbooks[0].steps[0].id: got 'isolat', expected the id of a shipped step (did you mean isolate?); "
     "no shipped one is named so, and a new one needs action, target"),
])
def test_what_a_new_item_lacks_is_told_with_the_name_that_was_meant(tmp_path: Path, text: str, expected: str) -> None:
    assert problems(tmp_path, f"version: 1\n{GATEWAY}{text}\n") == [expected]


def test_a_shipped_step_of_another_category_lacks_what_a_new_one_needs(tmp_path: Path) -> None:
    book = "{name: chat, version: 1, level: service, match: {categories: [security]}, steps: [{id: isolate}]}"
    found = problems(tmp_path, f"version: 1\n{GATEWAY}playbooks: [{book}]\n")
    assert found == [
        f":3: playbooks[0].steps[0].{name}: expected this setting to be given" for name in ("action", "target")
    ]


def test_an_item_without_a_name_lacks_it(tmp_path: Path) -> None:
    assert problems(tmp_path, "version: 1\ndetection: {profiles: [{min_rel: 0.5}]}\n") == [
        f":2: detection.profiles[0].{name}: expected this setting to be given" for name in ("metrics", "name")
    ]


def test_a_shipped_step_whose_action_is_not_configured_says_so(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, "version: 1\nplaybooks: [{name: availability, steps: [{id: isolate, mode: auto}]}]\n")
    assert found == (
        ":2: playbooks[0].steps[0].id: got 'isolate', expected actions.circuit_breaker to be configured, which this "
        "shipped step needs"
    )

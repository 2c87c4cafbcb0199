"""Targets of playbooks that no incident, or hardly one, can fill in."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import examine
from tests.config.texts import problems

SKIPPED = "this step is skipped but for an incident that names a newly deployed version beside its part"


def book(match: str, *targets: str) -> str:
    steps = ", ".join(f'{{kind: notify, target: "{target}"}}' for target in targets)
    return (
        "version: 1\nplaybooks:\n"
        f"  - {{name: a, version: 1, match: {match}, mode: auto, steps: [{steps}]}}\n"
    )


def warnings(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "site.yaml"
    file.write_text(text)
    return [str(warning).removeprefix(str(file)) for warning in examine(file, {})[1]]


@pytest.mark.parametrize(
    ("match", "target", "expected"),
    [
        ("{scopes: [all]}", "{service}/{replica}", "of incidents with match.scopes [all]: {service}, {model}"),
        ("{scopes: [replica]}", "{tenant}", "of incidents with match.scopes [replica]: {service}, {model} and {repli"),
        ("{}", "{tenant}/{replica}", "that one incident can have: {service}, {model} and {version} or {replica} or {t"),
    ],
)
def test_a_target_that_no_incident_can_fill_in_is_a_mistake(
    tmp_path: Path, match: str, target: str, expected: str,
) -> None:
    (found,) = problems(tmp_path, book(match, "{service}", target))
    assert found.startswith(f":3: playbooks[0].steps[1].target: got '{target}', expected labels {expected}")


def test_labels_without_series_of_their_own_are_no_labels_of_an_incident(tmp_path: Path) -> None:
    scopes = "scopes: {marginals: [replica]}\n"
    (found,) = problems(tmp_path, book("{}", "{service}/{tenant}") + scopes)
    assert "got '{service}/{tenant}', expected labels that one incident can have: {service}, {model} and {re" in found
    (found,) = problems(tmp_path, book("{scopes: [replica, tenant]}", "{service}") + scopes)
    assert ":3: playbooks[0].match.scopes[1]: got 'tenant', expected one of replica, all" in found


@pytest.mark.parametrize(("scope", "target"), [("version", "{service}/{replica}"), ("replica", "{service}/{version}")])
def test_a_target_that_only_a_new_version_beside_a_part_fills_in_is_warned_of(
    tmp_path: Path, scope: str, target: str,
) -> None:
    (found,) = warnings(tmp_path, book(f"{{scopes: [{scope}]}}", target))
    assert found == (
        f":3: playbooks[0].steps[0].target: got '{target}', expected labels of incidents with match.scopes [{scope}]: "
        f"{{service}}, {{model}} and {{{scope}}}; {SKIPPED}"
    )


@pytest.mark.parametrize(("kind", "params"), [
    ("circuit_breaker", "url: 'http://127.0.0.1/{service}/{replica}'"),
    ("litellm_block", "url: 'http://127.0.0.1', id: '{replica}'"),
    ("cache_invalidate", "server: {url: 'redis://127.0.0.1'}, prefix: 'ctx:{replica}:'"),
    ("trigger", "hooks: {x: {url: 'http://127.0.0.1/{replica}', body: {a: '{tenant}'}}}"),
])
@pytest.mark.parametrize(("match", "is_right"), [
    ("{scopes: [replica]}", True), ("{}", True), ("{scopes: [all]}", False), ("{scopes: [version, tenant]}", False),
])
def test_an_action_that_names_a_label_that_no_matching_incident_has_is_warned_of(
    tmp_path: Path, match: str, is_right: bool, kind: str, params: str,
) -> None:
    action = f"actions: {{{kind}: {{{params}}}}}\n"
    steps = book(match, "{service}").replace("kind: notify", f"kind: {kind}").replace("auto", "suggest")
    found = warnings(tmp_path, steps + action)
    assert (f"got '{kind}', expected an action whose URLs name only labels" in "".join(found)) != is_right
    assert len(found) == (0 if is_right else 1)


@pytest.mark.parametrize(
    ("match", "targets"),
    [
        ("{}", ["{service}/{replica}", "{service}/{model}/{tenant}"]),
        ("{scopes: [version]}", ["{service}/{model}/{version}"]),
        ("{scopes: [replica, tenant]}", ["{replica}", "{tenant}", "{service}"]),
        ("{scopes: [all]}", ["{service}/{model}"]),
    ],
)
def test_a_target_of_labels_that_matching_incidents_have_is_right(
    tmp_path: Path, match: str, targets: list[str],
) -> None:
    assert warnings(tmp_path, book(match, *targets)) == []

"""Values that are valid and hardly meant are warned of, with what they would do."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import examine
from tests.config.texts import problems

STEPS = "steps: [{{kind: notify, target: '{{service}}', {}}}]"
BOOK = f"playbooks: [{{{{name: a, version: 1, match: {{{{}}}}, mode: suggest, {STEPS}}}}}]"
PROFILE = "detection: {{profiles: [{{name: mine, metrics: latency_ms, {}}}]}}"


def warnings(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "site.yaml"
    file.write_text(f"version: 1\n{text}\n", encoding="utf-8")
    found = [str(warning).removeprefix(str(file)) for warning in examine(file, {}, {})[1]]
    return [one for one in found if "signing" not in one]


@pytest.mark.parametrize(("text", "expected"), [
    (PROFILE.format("min_rel: 25"), ":2: detection.profiles[0].min_rel: got 25, expected a ratio (0.25 is 25 %)"),
    (BOOK.format("hold: 48h"), ":2: playbooks[0].steps[0].hold: got 2d, expected at most limits.max_hold (1d), which"),
    ("limits: {max_age: 60s}", ":2: limits.max_age: got 1m, expected at least 90s: windows may close by"),
])
def test_what_is_hardly_meant_is_warned_of(tmp_path: Path, text: str, expected: str) -> None:
    (found,) = warnings(tmp_path, text)
    assert found.startswith(expected)


@pytest.mark.parametrize("text", [
    PROFILE.format("min_rel: 4.9"), BOOK.format("hold: 24h"), "limits: {max_age: 90s}",
    "limits: {max_age: 60s}\nwindows: {max_lateness: 30s}",
])
def test_what_may_be_meant_is_not(tmp_path: Path, text: str) -> None:
    assert warnings(tmp_path, text) == []


def test_bounds_that_no_value_meets_are_refused(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, "version: 1\n" + PROFILE.format("low: 500, high: 100"))
    assert found == ":2: detection.profiles[0].low: got 500 in 'mine', expected less than high (100)"


def test_two_servers_at_one_address_are_refused(tmp_path: Path) -> None:
    text = "version: 1\ntelemetry: {host: 127.0.0.1, port: 9000}\nrespond: {listen: '127.0.0.1:9000'}\n"
    assert problems(tmp_path, text) == [
        ":3: respond.listen: got 127.0.0.1:9000, expected another address than that of telemetry",
    ]

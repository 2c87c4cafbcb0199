"""The sections `control` and `maintenance`: problems are reported with their place, and secrets stay hidden."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import Config, written
from tests.config.texts import load_text, problems

FAULTS = """\
version: 1
control:
  keys:
    ops: {secret: short, may: [silence, dance]}
  max_skew: 0s
maintenance:
  - name: nightly
    matchers: ['colour="red"']
    time_intervals: [{weekdays: ["monday:friday"]}]
  - name: weekend
    time_intervals:
      - times: [{start_time: "22:00", end_time: "02:00"}]
      - {weekdays: [funday]}
      - {location: Nowhere/City}
"""
WHOLE = """\
version: 1
control: {keys: {ops: {secret_file: FILE}, ci: {secret: "${CI_KEY}", may: [deployment]}}}
maintenance:
  - name: nightly
    matchers: ['service="chat"']
    time_intervals: [{times: [{start_time: "01:00", end_time: "03:30"}], days_of_month: [1, "-3:-1"], years: [2026]}]
"""


def with_keys(tmp_path: Path) -> Config:
    """The configuration of `WHOLE`, with a key from a file and a key from the environment."""
    secret = tmp_path / "ops.key"
    secret.write_text("a secret from a file\n")
    return load_text(tmp_path, WHOLE.replace("FILE", str(secret)), CI_KEY="a secret from the environment")


def test_problems_are_named_with_their_place_and_show_no_secret(tmp_path: Path) -> None:
    assert [text.partition(", expected")[0] for text in problems(tmp_path, FAULTS)] == [
        ":4: control.keys.ops.may[1]: got 'dance'", ":4: control.keys.ops.secret: got a secret",
        ":5: control.max_skew: got '0s'", ":8: maintenance[0].matchers: got 'colour=\"red\"'",
        ":12: maintenance[1].time_intervals[0].times[0].end_time: got '02:00'",
        ":13: maintenance[1].time_intervals[1].weekdays: got 'funday'",
        ":14: maintenance[1].time_intervals[2].location: got 'Nowhere/City'",
    ]


def test_two_windows_of_one_name_are_a_mistake(tmp_path: Path) -> None:
    twice = "  - {name: n, time_intervals: [{}]}\n"
    (found,) = problems(tmp_path, f"version: 1\nmaintenance:\n{twice}{twice}")
    assert found == ":4: maintenance[1].name: got 'n', expected a name that no window above has"


def test_keys_come_from_files_and_the_environment_and_sign_everything_unless_limited(tmp_path: Path) -> None:
    keys = with_keys(tmp_path).control.keys
    assert {name: key.secret.reveal() for name, key in keys.items()} == {
        "ops": "a secret from a file", "ci": "a secret from the environment",
    }
    assert keys["ops"].may == ("silence", "expire", "acknowledge", "feedback", "deployment")
    assert keys["ci"].may == ("deployment",)


def test_the_settings_in_force_are_shown_without_the_secrets(tmp_path: Path) -> None:
    shown = repr(written(with_keys(tmp_path)))
    assert "a secret from" not in shown
    assert "'days_of_month': [1, '-3:-1']" in shown


@pytest.mark.parametrize("text", ["version: 1\n", "version: 1\ncontrol: {keys: {}}\n"])
def test_there_are_no_keys_unless_one_is_given(tmp_path: Path, text: str) -> None:
    assert load_text(tmp_path, text).control.keys == {}

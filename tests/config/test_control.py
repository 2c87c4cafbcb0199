"""The sections `control` and `maintenance`: what is wrong in them is named with its place, and secrets stay hidden."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import Config, load, written
from tests.config.test_problems import problems

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


def site(tmp_path: Path, text: str, **environ: str) -> Config:
    """The configuration that a file of this text gives."""
    secret = tmp_path / "ops.key"
    secret.write_text("a secret from a file\n")
    file = tmp_path / "site.yaml"
    file.write_text(text.replace("FILE", str(secret)))
    return load(file, environ)


def test_faults_are_named_with_their_place_and_no_secret_is_repeated(tmp_path: Path) -> None:
    assert [said.partition(", expected")[0] for said in problems(tmp_path, FAULTS)] == [
        ":4: control.keys.ops.may[1]: got 'dance'", ":4: control.keys.ops.secret: got a secret",
        ":5: control.max_skew: got '0s'", ":8: maintenance[0].matchers: got 'colour=\"red\"'",
        ":12: maintenance[1].time_intervals[0].times[0].end_time: got '02:00'",
        ":13: maintenance[1].time_intervals[1].weekdays: got 'funday'",
        ":14: maintenance[1].time_intervals[2].location: got 'Nowhere/City'",
    ]


def test_two_windows_of_one_name_are_a_mistake(tmp_path: Path) -> None:
    twice = "  - {name: n, time_intervals: [{}]}\n"
    (said,) = problems(tmp_path, f"version: 1\nmaintenance:\n{twice}{twice}")
    assert said == ":4: maintenance[1].name: got 'n', expected a name that no window above has"


def test_keys_come_from_files_and_the_environment_and_sign_everything_unless_limited(tmp_path: Path) -> None:
    keys = site(tmp_path, WHOLE, CI_KEY="a secret from the environment").control.keys
    assert {name: key.secret.reveal() for name, key in keys.items()} == {
        "ops": "a secret from a file", "ci": "a secret from the environment",
    }
    assert keys["ops"].may == ("silence", "expire", "acknowledge", "feedback", "deployment")
    assert keys["ci"].may == ("deployment",)


def test_the_settings_in_force_are_shown_without_the_secrets(tmp_path: Path) -> None:
    shown = repr(written(site(tmp_path, WHOLE, CI_KEY="a secret from the environment")))
    assert "a secret from" not in shown
    assert "'days_of_month': [1, '-3:-1']" in shown


@pytest.mark.parametrize("text", ["version: 1\n", "version: 1\ncontrol: {keys: {}}\n"])
def test_nothing_is_believed_unless_a_key_is_given(tmp_path: Path, text: str) -> None:
    assert site(tmp_path, text).control.keys == {}

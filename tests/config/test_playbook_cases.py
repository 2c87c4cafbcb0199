"""Cases of playbooks: those of the shipped ones hold, and a difference is named with file, line and case."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from config import ConfigError, read_playbooks
from config.playbooks.case_files import run_cases, shipped_cases
from streams.cli import main

SHIPPED = Path(str(files("config.playbooks").joinpath("shipped")))


def tocsin(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["playbook", *map(str, arguments)])


def test_every_shipped_playbook_has_cases_and_all_hold() -> None:
    books = {one.name for one in SHIPPED.iterdir() if one.suffix == ".yaml" and not one.name.endswith(".cases.yaml")}
    assert {one.name.replace(".cases", "") for one in shipped_cases()} == books
    count, failed = run_cases(shipped_cases(), read_playbooks(None))
    assert count >= 25
    assert failed == []


def test_a_broken_book_fails_its_cases_with_file_line_and_name(tmp_path: Path) -> None:
    folder = tmp_path / "books"
    shutil.copytree(SHIPPED, folder)
    broken = folder / "model_degradation.yaml"
    broken.write_text(broken.read_text().replace("action: traffic", "action: throttle"))
    found = tocsin("test", folder)
    assert found.exit_code == 1
    assert found.stderr.splitlines() == [
        f"{folder}/model_degradation.cases.yaml:8: case 'a new version is worse': got action 'throttle', "
        "expected 'traffic'",
    ]


def test_other_steps_than_expected_are_listed(tmp_path: Path) -> None:
    case = "cases:\n  - name: a\n    incident: {category: availability}\n    expect: [{step: isolate}]\n"
    (tmp_path / "site.yaml").write_text("version: 1\n")
    (tmp_path / "site.cases.yaml").write_text(case)
    found = tocsin("test", tmp_path / "site.yaml")
    assert found.exit_code == 1
    assert f"{tmp_path}/site.cases.yaml:4: case 'a': got [on_open (notify on chat, auto)], expected [isolate]" in (
        found.stderr
    )


def test_a_wrong_file_of_cases_is_refused_with_line_and_value(tmp_path: Path) -> None:
    file = tmp_path / "a.cases.yaml"
    file.write_text("cases:\n  - name: a\n    incident: {category: availibility}\n    expect: []\n")
    with pytest.raises(ConfigError, match=r"a.cases.yaml:3: cases\[0\].incident.category: got 'availibility'"):
        run_cases([file], read_playbooks(None))


def test_no_cases_are_no_success(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("version: 1\n")
    found = tocsin("test", tmp_path / "site.yaml")
    assert (found.exit_code, found.stdout) == (1, "0 cases, 0 failed\n")


def test_the_command_without_a_source_tests_the_shipped_playbooks() -> None:
    found = tocsin("test")
    assert found.exit_code == 0
    assert found.stdout.endswith(" cases, 0 failed\n")

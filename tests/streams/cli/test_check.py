"""`tocsin check`, and the border that turns errors into messages."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence, Set
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from config import config_hash, load
from streams.cli import COMMANDS, Group, main


def test_a_valid_file_is_summed_up(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("version: 1\n")
    result = CliRunner().invoke(main, ["check", str(file)])
    assert result.exit_code == 0
    assert f"{file}: valid, 0 warnings" in result.stdout
    assert config_hash(load(file, {})) in result.stdout


def test_a_wrong_file_gives_a_line_for_each_problem_and_code_2(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("version: 1\nwindows: {size: 2h, latenes: 1s}\n")
    result = CliRunner().invoke(main, ["check", str(file)])
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        f"{file}:2: windows: got the unknown setting 'latenes', expected lateness (did you mean that?)",
        f"{file}:2: windows.size: got '2h', expected a duration of at most 1m",
    ]


def test_a_missing_file_is_one_message_and_code_2(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["check", str(tmp_path / "nope.yaml")])
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert "No such file" in result.stderr


class _UnavailableError(Exception):
    exit_message = "no broker answers at 127.0.0.1:9"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (_UnavailableError("detail"), "no broker answers at 127.0.0.1:9"),
        (ConnectionError("Kafka at 127.0.0.1:9 did not answer"), "Kafka at 127.0.0.1:9 did not answer"),
        (PermissionError(13, "Permission denied", "/out"), "/out: Permission denied"),
    ],
)
def test_what_an_operator_can_put_right_is_a_message_and_code_2(error: Exception, message: str) -> None:
    @click.group(cls=Group, invoke_without_command=True)
    def failing() -> None:
        raise error

    result = CliRunner().invoke(failing, [])
    assert (result.exit_code, result.stderr) == (2, message + "\n")


def test_a_bug_keeps_its_traceback() -> None:
    @click.group(cls=Group, invoke_without_command=True)
    def failing() -> None:
        raise KeyError("bug")

    assert isinstance(CliRunner().invoke(failing, []).exception, KeyError)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    assert CliRunner().invoke(main, [name, "--help"]).exit_code == 0


def run_and_look(commands: Sequence[Sequence[str]], modules: Set[str]) -> str:
    """The exit codes of commands in a new process, and which of the modules they imported."""
    program = (
        "import sys; from click.testing import CliRunner; from streams.cli import main;"
        f"codes = [CliRunner().invoke(main, args).exit_code for args in {commands}];"
        f"print(codes, sorted({modules} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_help_imports_no_room_of_the_pipeline() -> None:
    assert run_and_look([["--help"]], {"config", "actions", "classifiers", "detectors", "numpy"}) == "[0] []"


def test_check_and_help_need_neither_faust_nor_a_broker_library() -> None:
    assert run_and_look([["--help"], ["check", "--help"]], {"faust", "aiokafka", "mode"}) == "[0, 0] []"


def test_reading_a_configuration_waits_for_no_library_of_the_detectors_and_of_the_actions(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("version: 1\n")
    commands = [["check", str(file)], ["config", "diff", str(file), str(file)], ["incident", "list", "--help"]]
    heavy = {"river.drift", "river.linear_model", "scipy", "sklearn", "pandas", "aiohttp", "jsonschema", "holidays"}
    assert run_and_look(commands, heavy) == "[0, 0, 0] []"


def test_a_plural_is_its_command_and_an_unknown_one_is_answered_with_the_nearest() -> None:
    plural, single = (CliRunner().invoke(main, [name, "--help"]) for name in ("incidents", "incident"))
    assert (plural.exit_code, plural.output.splitlines()[2:]) == (0, single.output.splitlines()[2:])
    wrong = CliRunner().invoke(main, ["incidnt", "list"])
    assert (wrong.exit_code, "No such command 'incidnt'. Did you mean incident?" in wrong.stderr) == (2, True)
    assert "Did you mean" not in CliRunner().invoke(main, ["zzz"]).stderr

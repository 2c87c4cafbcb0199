"""`tocsin replay --against`: exit codes, both kinds of results, JSON; and `--out` never overwrites unasked."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from tests.simulation.run import RECORDINGS
from tests.streams.cli.commands import json_lines, lines, one_message, replayed
from tests.streams.fakes import T
from tests.streams.records import sample

QUIET = "version: 1\ntriage: {severity: {page_after: 30s}}\n"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a recording with the shipped configuration."""
    folder = tmp_path_factory.mktemp("results") / "old"
    assert replayed(RECORDINGS[1], "--out", folder).exit_code == 0
    return folder


def test_a_configuration_that_changes_something_is_exit_code_1_with_the_differences(
    tmp_path: Path, results: Path,
) -> None:
    (tmp_path / "new.yaml").write_text(QUIET)
    out = tmp_path / "new"
    result = replayed(RECORDINGS[1], "--config", tmp_path / "new.yaml", "--against", results, "--out", out)
    assert result.exit_code == 1, result.output
    assert "~ incident changed" in result.stdout
    assert "severity: P2 -> P3 (the factors are the same: a duration under triage.severity decided)" in result.stdout
    again = replayed(out, "--against", results, "--json")
    assert again.exit_code == 1
    told = orjson.loads(again.stdout)
    assert told["same"] is False
    assert told["same_incidents"] + len(told["incidents"]) == len(lines(out / "incidents.jsonl"))
    assert {field["name"] for one in told["incidents"] for field in one["fields"]} >= {"severity"}


def test_two_configurations_that_decide_the_same_are_exit_code_0(tmp_path: Path) -> None:
    file = json_lines(tmp_path, *(orjson.dumps(sample(T + at / 10.0)) for at in range(50)))
    (tmp_path / "old.yaml").write_text("version: 1\n")
    result = replayed(file, "--against", tmp_path / "old.yaml")
    assert result.exit_code == 0, result.output
    assert result.stdout == (
        "incidents: 0 added, 0 gone, 0 changed, 0 the same\nactions:   0 added, 0 gone, 0 changed, 0 the same\n"
    )


def test_the_results_of_one_run_do_not_differ_from_themselves(results: Path) -> None:
    result = replayed(results, "--against", results)
    assert result.exit_code == 0, result.output


def test_what_cannot_be_compared_is_exit_code_2(tmp_path: Path, results: Path) -> None:
    few = json_lines(tmp_path, orjson.dumps(sample(T)))
    one_message(replayed(few, "--against", results), "nothing was judged")
    (tmp_path / "old.yaml").write_text("version: 1\nwindows: {size: 2h}\n")
    one_message(replayed(RECORDINGS[1], "--against", tmp_path / "old.yaml"), "old.yaml:2: windows.size")
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "incidents.jsonl").write_text("{}\n")
    (broken / "actions.jsonl").write_text("")
    one_message(replayed(results, "--against", broken), f"{broken / 'incidents.jsonl'}:1: ", "tocsin replay")


def test_a_recording_that_is_broken_is_one_message_whichever_process_reads_it(tmp_path: Path) -> None:
    file = json_lines(tmp_path, b"ts,status,latency_ms", b"1.0,ok").rename(tmp_path / "requests.csv")
    (tmp_path / "old.yaml").write_text("version: 1\n")
    one_message(replayed(file, "--against", tmp_path / "old.yaml"), f"{file}:2: 2 cells")


@pytest.mark.parametrize(("arguments", "told"), [
    ((), "neither --out nor --against"),
    (("--out", "new", "--json"), "--json was given"),
])
def test_options_that_belong_together_are_asked_for(arguments: tuple[str, ...], told: str) -> None:
    result = replayed(RECORDINGS[1], *arguments)
    assert result.exit_code == 2
    assert told in result.stderr


def test_a_folder_of_results_is_no_recording(results: Path) -> None:
    result = replayed(results, "--out", "new")
    assert result.exit_code == 2
    assert "holds results, expected --against" in result.stderr


def test_results_are_overwritten_only_with_force(tmp_path: Path) -> None:
    file = json_lines(tmp_path, *(orjson.dumps(sample(T + at / 10.0)) for at in range(50)))
    out = tmp_path / "out"
    out.mkdir()
    (out / "incidents.jsonl").write_text("mine\n")
    one_message(replayed(file, "--out", out), f"{out}: holds incidents.jsonl", "--force")
    assert (out / "incidents.jsonl").read_text() == "mine\n"
    assert replayed(file, "--out", out, "--force").exit_code == 0
    assert lines(out / "incidents.jsonl") == []

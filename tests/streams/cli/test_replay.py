"""`tocsin replay`: recordings and JSON lines in, three files and a summary out; what cannot be read is one message."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from benchmarks.scrapes import Load, scrapes
from streams.intake.formats import InputFormat
from tests.simulation.run import RECORDINGS
from tests.streams.cli.commands import json_lines, lines, one_message, replayed
from tests.streams.fakes import T
from tests.streams.intake.scraped_records import records as of_fleet
from tests.streams.records import sample

PLAYBOOKS = """\
version: 1
playbooks: [{name: all, version: 1, match: {}, mode: auto, steps: [{kind: notify, target: "{service}"}]}]
"""


def test_a_recording_gives_its_incidents_and_what_would_have_been_done(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(PLAYBOOKS)
    result = replayed(RECORDINGS[1], "--config", tmp_path / "site.yaml", "--out", tmp_path / "out")
    assert result.exit_code == 0
    incidents, actions = lines(tmp_path / "out" / "incidents.jsonl"), lines(tmp_path / "out" / "actions.jsonl")
    assert len(incidents) >= 5
    assert len({incident["id"] for incident in incidents}) == len(incidents)
    assert {"id", "state", "opened_at_s", "category", "severity", "evidence", "config_hash"} <= incidents[0].keys()
    assert f"{len(incidents)} incidents, {len(actions)} actions" in result.stdout
    audit = lines(tmp_path / "out" / "audit.jsonl")
    assert [one["subject"] for one in audit if one["after"] == "open"][:1] == [incidents[0]["id"]]
    statuses = [action["outcome"] for action in actions]
    assert {status["status"] for status in statuses if isinstance(status, dict)} == {"dry_run"}


@pytest.mark.parametrize("form", ["otlp_json", "prometheus_json"])
def test_a_recording_of_aggregated_metrics_is_known_by_its_first_line(tmp_path: Path, form: InputFormat) -> None:
    def slow_after_a_while(at_s: float, _: str) -> Load:
        return Load(token_s=0.02 if at_s < 900.0 else 0.06)

    values = [value for _, record in of_fleet(scrapes(1200.0, slow_after_a_while), form, "recording")
              if (value := record.value) is not None]
    result = replayed(json_lines(tmp_path, *values), "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    (incident,) = lines(tmp_path / "out" / "incidents.jsonl")
    assert (incident["service"], incident["category"]) == ("vllm", "performance_degradation")


def test_names_that_nobody_watches_are_in_the_summary_of_a_recording_of_which_most_is_dropped(tmp_path: Path) -> None:
    def scraped(name: str) -> list[bytes]:
        labels = {"job": "acme", "instance": "a:1"}
        return [
            orjson.dumps({"timestamp": f"2026-11-23T07:{minute:02}:00Z", "value": "1", "name": name, "labels": labels})
            for minute in range(20)
        ]

    unwatched = [*scraped("acme_load"), *scraped("acme_wait_seconds_sum"), *scraped("acme_wait_seconds_count")]
    result = replayed(json_lines(tmp_path, *unwatched), "--out", tmp_path / "out", "--force")
    assert result.exit_code == 1
    assert (
        "note: recording: 60 points, none of them watched; 60 have names that no alias knows, most of them "
        "'acme_wait_seconds' (40), 'acme_load' (20); with `unknown_metrics: pass` an input judges"
    ) in result.stdout
    mostly = [*unwatched, *scraped("vllm:num_requests_waiting")]
    result = replayed(json_lines(tmp_path, *mostly), "--out", tmp_path / "out", "--force")
    assert "note: recording: 20 of 80 points are watched; 60 have names that no alias knows" in result.stdout
    known = [*scraped("vllm:num_requests_waiting"), *scraped("vllm:num_requests_running"), *scraped("acme_load")]
    result = replayed(json_lines(tmp_path, *known), "--out", tmp_path / "out", "--force")
    assert "points" not in result.stdout


def enough() -> list[bytes]:
    """Records for some windows."""
    return [orjson.dumps(sample(T + at / 10.0)) for at in range(50)]


def test_json_lines_are_read_and_the_first_malformed_one_is_shown_unchanged(tmp_path: Path) -> None:
    good = enough()
    bad = orjson.dumps(sample(T, metrics={"[/a]": "high"}))
    result = replayed(json_lines(tmp_path, *good, bad), "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert "51 records" in result.stdout
    assert "1 rejected" in result.stdout
    assert "first rejected: record 51: " in result.stdout
    assert "[/a]" in result.stdout
    assert lines(tmp_path / "out" / "incidents.jsonl") == []
    assert "note: every series is still warming up: only fixed limits and silence were judged" in result.stdout


MALFORMED = {
    "native": [b'{"timestamp": 1, "service": "chat"}', b'{"ts": 1,', b"17"],
    "otlp_json": [b'{"resourceMetrics": 3}', b'{"resourceMetrics": [', b'{"resourceMetrics": []}'],
    "prometheus_json": [b'{"name": 1, "labels": 2, "timestamp": 3, "value": 4}', b"{", b"[]"],
    "csv": [b"ts,status,latency_ms", b"soon,ok,3.0", b"1.0,ok,fast"],
}


@pytest.mark.parametrize("form", MALFORMED)
def test_malformed_records_alone_judge_nothing_whatever_their_format(tmp_path: Path, form: str) -> None:
    file = json_lines(tmp_path, *MALFORMED[form])
    file = file.rename(tmp_path / "requests.csv") if form == "csv" else file
    result = replayed(file, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert f"{file}: nothing was judged: none of the " in result.stderr
    assert "records was accepted; rejected: record " in result.stderr
    assert lines(tmp_path / "out" / "incidents.jsonl") == []


def test_a_malformed_line_among_good_ones_is_rejected_in_a_folder_too(tmp_path: Path) -> None:
    topics = tmp_path / "topics"
    topics.mkdir()
    json_lines(topics, *enough(), b"{oops").rename(topics / "b.jsonl")
    json_lines(topics, *enough())
    result = replayed(topics, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "101 records" in result.stdout
    assert "first rejected: record 100: value: b'{oops" in result.stdout


@pytest.mark.parametrize(("values", "why"), [
    ([], "no record of an input was read"),
    (enough()[:3], "the 3 accepted records end before the first window closes"),
])
def test_too_little_to_judge_is_exit_code_1_with_the_reason(tmp_path: Path, values: list[bytes], why: str) -> None:
    file = json_lines(tmp_path, *values)
    result = replayed(file, "--out", tmp_path / "out")
    assert (result.exit_code, result.stderr) == (1, f"{file}: nothing was judged: {why}\n")


@pytest.mark.parametrize("name", ["nowhere", "nowhere.jsonl"])
def test_a_recording_that_is_not_there_is_one_message(tmp_path: Path, name: str) -> None:
    one_message(replayed(tmp_path / name, "--out", tmp_path / "out"), name, "no such file")
    assert not (tmp_path / "out").exists()


def test_an_empty_folder_is_no_recording(tmp_path: Path) -> None:
    one_message(replayed(tmp_path, "--out", tmp_path / "out"), str(tmp_path), "no recording")


def test_a_table_with_a_row_that_is_cut_off_is_no_recording(tmp_path: Path) -> None:
    file = json_lines(tmp_path, b"ts,status,latency_ms", b"1.0,ok").rename(tmp_path / "requests.csv")
    one_message(replayed(file, "--out", tmp_path / "out"), f"{file}:2: 2 cells, expected 3 as in the header")


def test_a_configuration_that_is_wrong_is_named(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("version: 1\nwindows: {size: 2h}\n")
    result = replayed(RECORDINGS[1], "--config", tmp_path / "site.yaml", "--out", tmp_path / "out")
    one_message(result, "site.yaml:2: windows.size")


def test_a_configuration_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = replayed(RECORDINGS[1], "--config", tmp_path / "none.yaml", "--out", tmp_path / "out")
    one_message(result, "none.yaml")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    file = json_lines(tmp_path, orjson.dumps(sample(T)))
    one_message(replayed(file, "--out", tmp_path / "file" / "out"), str(tmp_path / "file"))


def test_a_replay_says_on_a_terminal_that_it_works(tmp_path: Path) -> None:
    recording = json_lines(tmp_path, *(orjson.dumps(sample(ts=T + number)) for number in range(20)))
    terminal, of_command = pty.openpty()
    try:
        subprocess.run(
            [sys.executable, "-c", "from streams.cli import main; main()", "replay", str(recording),
             "--out", str(tmp_path / "out")],
            stdout=subprocess.DEVNULL, stderr=of_command, check=False, timeout=120,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "400"},
        )
        assert f"replaying {recording}" in os.read(terminal, 65536).decode()
    finally:
        os.close(terminal)
        os.close(of_command)

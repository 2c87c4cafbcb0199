"""`tocsin replay`: recordings and JSON lines in, three files and a summary out; what cannot be read is one message."""

from __future__ import annotations

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


def test_json_lines_are_read_and_the_first_malformed_one_is_shown_unchanged(tmp_path: Path) -> None:
    good = [orjson.dumps(sample(T + second)) for second in range(5)]
    bad = orjson.dumps(sample(T, metrics={"[/a]": "high"}))
    result = replayed(json_lines(tmp_path, *good, bad), "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert "6 records" in result.stdout
    assert "1 rejected" in result.stdout
    assert "first rejected: record 6: " in result.stdout
    assert "[/a]" in result.stdout
    assert lines(tmp_path / "out" / "incidents.jsonl") == []


@pytest.mark.parametrize("name", ["nowhere", "nowhere.jsonl"])
def test_a_recording_that_is_not_there_is_one_message(tmp_path: Path, name: str) -> None:
    one_message(replayed(tmp_path / name, "--out", tmp_path / "out"), name, "no such file")
    assert not (tmp_path / "out").exists()


def test_an_empty_folder_is_no_recording(tmp_path: Path) -> None:
    one_message(replayed(tmp_path, "--out", tmp_path / "out"), str(tmp_path), "no recording")


def test_a_line_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = json_lines(tmp_path, orjson.dumps(sample(T)), b'{"ts": 1,')
    one_message(replayed(file, "--out", tmp_path / "out"), f"{file}:2: ", "expected JSON")


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

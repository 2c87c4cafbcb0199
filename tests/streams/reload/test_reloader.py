from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from config import config_hash, load
from config.models import Config
from streams.reload.reloader import Reloader


class Case:
    """A process with a file. applied: the configurations that were taken over. results: what was reported."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "site.yaml"
        self.file.write_text("version: 1\n")
        self.applied: list[Config] = []
        self.results: list[tuple[str, str]] = []
        self.reloader = Reloader(
            load(self.file, {}), self.file, {}, self.applied.append, lambda *result: self.results.append(result),
        )

    def reload(self, text: str) -> str:
        self.file.write_text(text)
        return self.reloader.take(self.reloader.read())


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def test_a_valid_change_is_taken_over_and_told(case: Case) -> None:
    with capture_logs() as lines:
        assert case.reload("triage: {confirm_instants: 7}\n") == "applied"
    (config,) = case.applied
    assert config.triage.confirm_instants == 7
    assert case.results == [("applied", config_hash(config))]
    assert case.reloader.notes() == ()
    (line,) = lines
    assert (line["event"], line["config_hash"]) == ("config_reloaded", config_hash(config))
    assert "triage.confirm_instants: " in line["changed"]


def test_an_invalid_file_changes_nothing_and_is_one_line_with_place_value_and_what_is_expected(case: Case) -> None:
    before = case.reloader.config
    with capture_logs() as lines:
        assert case.reload("triage: {confirm_instants: none}\nkafka: {group: 5}\n") == "invalid"
    assert (case.applied, case.reloader.config) == ([], before)
    assert case.results == [("invalid", config_hash(before))]
    (line,) = lines
    assert (line["event"], line["place"], line["setting"]) == (
        "config_invalid", f"{case.file}:1", "triage.confirm_instants",
    )
    assert line["value"]
    assert line["expected"]
    assert "not in force" in case.reloader.notes()[0]


def test_a_file_that_is_gone_changes_nothing(case: Case) -> None:
    case.file.unlink()
    assert case.reloader.take(case.reloader.read()) == "invalid"
    assert "a readable file" in case.reloader.notes()[0]


def test_it_is_well_again_when_the_file_is(case: Case) -> None:
    case.reload("nonsense\n")
    assert case.reload("version: 1\n") == "unchanged"
    assert (case.applied, case.reloader.notes()) == ([], ())


def test_what_needs_a_restart_is_named_until_it_is_taken_back_and_the_rest_is_taken_over(case: Case) -> None:
    assert case.reload("kafka: {group: other}\ntriage: {confirm_instants: 7}\n") == "partial"
    (config,) = case.applied
    assert (config.kafka.group, config.triage.confirm_instants) == ("tocsin", 7)
    assert case.reloader.notes() == ("settings that take effect at the next start: kafka.group",)
    assert case.reload("kafka: {group: other}\ntriage: {confirm_instants: 8}\n") == "partial"
    assert case.reload("triage: {confirm_instants: 8}\n") == "unchanged"
    assert case.reloader.notes() == ()

"""`tocsin report`: the books of a replay as tables, JSON, CSV and OpenMetrics; what cannot be read is one message."""

from __future__ import annotations

import csv
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from classifiers.model import Acknowledgement, ActionRecord, Incident, StageTime
from streams.cli import main
from streams.client.incident_log import IncidentLog, read_files
from streams.contracts.envelopes import incident_message, outcome_message
from tests.actions.audiences.cases import deviating
from tests.streams.fakes import T, incident, intent, outcome

HOUR_S = 3600.0


def incident_of(number: int, hours: float, resolve_s: float | None = 600.0, **changes: object) -> Incident:
    """A P1 that opened so long after T, found in 2 s; open where nothing says how long it took."""
    opened_s = T + hours * HOUR_S
    resolve = StageTime(None, "pending") if resolve_s is None else StageTime(resolve_s, "recorded")
    return incident(
        id=f"inc-{number}", opened_at_s=opened_s, onset_at_s=opened_s - 2.0, peak_severity="P1",
        resolved_at_s=None if resolve_s is None else opened_s - 2.0 + resolve_s,
        stage_times={"detect": StageTime(2.0, "recorded"), "resolve": resolve}, **changes,
    )


THREE = (
    incident_of(1, 0.0), incident_of(2, 24.0, resolve_s=3 * HOUR_S),
    incident_of(3, 48.0, resolve_s=None, service="search"),
)


def written(folder: Path, *incidents: Incident) -> Path:
    file = folder / "incidents.jsonl"
    file.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in incidents))
    return file


def reported(*arguments: object) -> Result:
    result = CliRunner().invoke(main, ["report", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def rows(text: str) -> dict[str, list[str]]:
    """The lines of a report by their first words; two blanks or more stand between columns."""
    found = {}
    for line in text.splitlines():
        name, *cells = (part.strip() for part in line.strip().split("  ") if part.strip())
        found[name] = cells
    return found


def test_a_terminal_shows_stages_shares_and_targets(tmp_path: Path) -> None:
    found = reported(written(tmp_path, *THREE))
    lines = rows("\n".join(line for line in found.stdout.splitlines() if line.strip()))
    assert found.stdout.startswith("3 incidents, 1 of them open, opened 2026-11-23 07:46 to 2026-11-25 07:46 UTC")
    assert lines["detect (MTTD)"] == ["3", "2.0 s", "2.0 s", "2.0 s", "-", "-", "-"]
    assert lines["resolve (MTTR)"][:5] == ["2", "1 h 35 m", "1 h 35 m", "2 h 43 m", "1"]
    assert lines["recurred"][:2] == ["1 of 3", "33%"]
    assert lines["P1 detect"] == ["15 m", "3", "-", "-", "100%"]
    assert lines["P1 resolve"] == ["2 h", "1", "1", "1", "50%"]


def test_the_terminals_width_of_eighty_columns_holds_every_line_without_groups(tmp_path: Path) -> None:
    assert max(map(len, reported(written(tmp_path, *THREE)).stdout.splitlines())) <= 80


@pytest.mark.parametrize(("by", "names"), [("service", ["chat", "search"]), ("severity", ["P1"])])
def test_groups_are_a_line_each(tmp_path: Path, by: str, names: list[str]) -> None:
    text = reported(written(tmp_path, *THREE), "--by", by).stdout
    lines = rows("\n".join(line for line in text.splitlines() if line.strip()))
    assert [name for name in lines if name in ("chat", "search", "P1")] == names


def test_a_figure_that_the_incidents_do_not_show_is_said_to_be_not_enough(tmp_path: Path) -> None:
    text = reported(written(tmp_path, *THREE)).stdout
    lines = rows("\n".join(line for line in text.splitlines() if line.strip()))
    assert lines["wrong escalations"] == ["not enough", "< 10%", "nobody answered an escalated incident"]
    assert lines["automated"] == ["not enough", "> 80%", "no remedy was decided"]
    assert lines["pages a week"] == ["not enough", "no page is on record"]
    assert "cusum" not in text  # without evidence there is no rule


def test_what_is_known_is_printed_beside_its_target(tmp_path: Path) -> None:
    by_ben = Acknowledgement("ben", T, T + 60.0)
    auto = ActionRecord("k1", "throttle", "chat", "auto", "executed", T)
    rose: dict[str, Any] = {"opened_severity": "P3", "acknowledged": by_ben, "evidence": deviating("a")}
    text = reported(written(
        tmp_path, incident_of(1, 0.0, actions=(auto,), **rose), incident_of(2, 1.0, resolution="expected", **rose),
        incident_of(3, 2.0, opened_severity="P1", evidence=deviating("a")),
    )).stdout
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "wrong escalations 50% < 10% no fault, a person said later" in lines
    assert "automated 100% > 80% first remedy ran unasked" in lines
    assert "cusum on latency_ms 3 33%" in lines


def test_json_holds_every_figure(tmp_path: Path) -> None:
    found = orjson.loads(reported(written(tmp_path, *THREE), "--format", "json", "--by", "service").stdout)
    assert [stage["count"] for stage in found["total"]["stages"]] == [3, 0, 0, 0, 2]
    assert [group["name"] for group in found["groups"]] == ["chat", "search"]
    assert found["total"]["stages"][1]["median_s"] is None


def test_csv_has_one_figure_a_line(tmp_path: Path) -> None:
    lines = list(csv.DictReader(StringIO(reported(written(tmp_path, *THREE), "--format", "csv").stdout)))
    figures = {(row["table"], row["group"], row["stage"], row["figure"]): row["value"] for row in lines}
    assert figures["stages", "all", "resolve", "median_s"] == "5700.0"
    assert figures["stages", "all", "act", "median_s"] == ""
    assert figures["targets", "P1", "resolve", "missed"] == "1"
    assert figures["weeks", "2026-11-23", "resolve", "met"] == "0.5"
    assert figures["causes", "performance_degradation at chat/gpt/r0", "", "incidents"] == "2"
    assert (figures["response", "all", "", "automation"], figures["response", "all", "", "automation_target"]) == (
        "", "0.8",
    )
    assert len(figures) == len(lines)


def test_openmetrics_is_what_its_parser_reads(tmp_path: Path) -> None:
    text = reported(written(tmp_path, *THREE), "--format", "openmetrics").stdout
    families = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    samples = {
        (sample.name, frozenset(sample.labels.values())): sample.value
        for family in families for sample in family.samples
    }
    assert samples["tocsin_report_stage_seconds", frozenset({"none", "all", "detect", "median"})] == 2.0
    assert samples["tocsin_report_target_incidents", frozenset({"P1", "resolve", "met"})] == 1.0
    assert samples["tocsin_report_cause_incidents", frozenset({"performance_degradation at chat/gpt/r0"})] == 2.0
    assert samples["tocsin_report_response_target_ratio", frozenset({"wrong_escalations"})] == 0.1
    assert not any(name == "tocsin_report_response_ratio" for name, _ in samples)  # unknown, and not 0


@pytest.mark.parametrize(
    ("bounds", "count"),
    [
        (("--since", "2026-11-24"), 2), (("--until", "2026-11-24T00:00+00:00"), 1), (("--since", "23h"), 1),
        (("--since", "2026-11-24", "--until", "1h"), 1), (("--since", "2027-01-01"), 0),
    ],
)
def test_a_period_is_of_dates_or_counted_back_from_the_last_moment(
    tmp_path: Path, bounds: tuple[str, ...], count: int,
) -> None:
    found = reported(written(tmp_path, *THREE), "--format", "json", *bounds)
    assert orjson.loads(found.stdout)["total"]["incidents"] == count


def test_the_time_within_which_an_incident_recurs_is_an_option(tmp_path: Path) -> None:
    found = reported(written(tmp_path, *THREE), "--format", "json", "--recurs-within", "1h")
    assert orjson.loads(found.stdout)["total"]["recurred"]["part"] == 0


def test_several_sources_and_a_folder_are_one_report(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    written(tmp_path / "other", THREE[2])
    found = reported(written(tmp_path, *THREE[:2]), tmp_path / "other", "--format", "json")
    assert orjson.loads(found.stdout)["total"]["incidents"] == 3


def test_targets_are_those_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("version: 1\ntargets: {P1: {detect: 1s, resolve: null}}\n")
    found = reported(written(tmp_path, *THREE), "--config", tmp_path / "site.yaml", "--format", "json")
    own = [t for t in orjson.loads(found.stdout)["targets"] if t["severity"] == "P1"]
    assert [(t["stage"], t["missed"]) for t in own] == [("detect", 3)]


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("nowhere.jsonl",), ("nowhere.jsonl", "does not exist")),
        (("FILE", "--since", "yesterday"), ("--since", "'yesterday'", "expected a date")),
        (("FILE", "--recurs-within", "soon"), ("--recurs-within", "'soon'", "expected a duration")),
        (("FILE", "--brokers", "127.0.0.1:1"), ("--brokers and SOURCE",)),
    ],
)
def test_arguments_without_a_meaning_are_refused_with_a_reason(
    tmp_path: Path, arguments: tuple[str, ...], parts: tuple[str, ...],
) -> None:
    file = str(written(tmp_path, *THREE))
    found = reported(*(file if argument == "FILE" else argument for argument in arguments))
    assert found.exit_code == 2
    assert all(part in found.stderr for part in parts), found.stderr


def test_a_line_that_is_no_incident_is_named(tmp_path: Path) -> None:
    file = written(tmp_path, THREE[0])
    file.write_bytes(file.read_bytes() + b'{"id": 5}\n')
    found = reported(file)
    assert (found.exit_code, len(found.stderr.splitlines())) == (2, 1)
    assert f"{file}:2: " in found.stderr


def test_the_last_record_of_an_incident_counts_and_a_later_outcome_is_added_to_it() -> None:
    log, asked = IncidentLog(), intent()
    pending = ActionRecord(asked.key, asked.kind, asked.target, asked.mode, "pending", asked.decided_at_s)
    first, last = incident(severity="P3"), replace(incident(), resolved_at_s=T + 60.0, actions=(pending,))
    for one in (first, last, incident(id="inc-2")):
        log.apply_incident(one.id.encode(), incident_message(one, "s", T).value)
    log.apply_outcome(None, outcome_message(outcome(asked), "s", 0).value)
    log.apply_outcome(None, outcome_message(outcome(intent(incident_id="inc-9")), "s", 0).value)
    log.apply_incident(b"inc-2", None)
    assert list(log.incidents) == ["inc-1"]
    assert (log.incidents["inc-1"].severity, log.incidents["inc-1"].actions[0].status) == ("P2", "executed")


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert list(read_files([written(tmp_path, *THREE)]).incidents.values()) == list(THREE)

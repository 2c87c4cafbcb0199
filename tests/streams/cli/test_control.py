"""`tocsin control` without a broker: what it prints, how a replay applies it, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from classifiers.directives import Acknowledge, Deployment, Expire, Silence
from streams.cli import main
from streams.client.control_files import ControlFileError, json_line, read_directives
from streams.client.control_writer import unseen_service
from tests.streams.cli.commands import json_lines, one_message, replayed
from tests.streams.contracts.signed import DIRECTIVES
from tests.streams.fakes import config_of
from tests.streams.replay.sick_fleet import recording

KEYS = """\
version: 1
kafka: {brokers: "127.0.0.1:1"}
control:
  keys: {ops: {secret: "correct horse battery"}, ci: {secret: "pipelines deploy only", may: [deployment]}}
"""


def control(*arguments: object) -> Result:
    """The result of `tocsin control`."""
    return CliRunner().invoke(main, ["control", *map(str, arguments)])


def printed(folder: Path, *arguments: object) -> object:
    """The directive that --print gives."""
    result = control(*arguments, "--by", "ana", "--print")
    assert result.exit_code == 0, result.output
    file = folder / "control.jsonl"
    file.write_text(result.stdout)
    (directive,) = read_directives(file)
    return directive


def test_a_silence_has_its_matchers_its_period_and_its_comment(tmp_path: Path) -> None:
    found = printed(
        tmp_path, "silence", "-m", 'service="chat"', "-m", "tenant=~batch-.*", "--for", "2h", "--from",
        "2026-11-24T22:00", "--comment", "new cards", "--id", "cards",
    )
    assert isinstance(found, Silence)
    assert (found.id, found.by, found.comment, found.until_s - found.from_s) == ("cards", "ana", "new cards", 7200.0)
    assert found.from_s == 1_795_557_600.0
    assert [(each.name, each.op, each.value) for each in found.matchers] == [
        ("service", "=", "chat"), ("tenant", "=~", "batch-.*"),
    ]


def test_an_expiry_and_an_acknowledgement_begin_now(tmp_path: Path) -> None:
    expired = printed(tmp_path, "expire", "cards")
    acknowledged = printed(tmp_path, "ack", "inc-1", "--for", "30m")
    assert isinstance(expired, Expire)
    assert isinstance(acknowledged, Acknowledge)
    assert acknowledged.until_s - acknowledged.at_s == 1800.0
    assert 0.0 <= acknowledged.at_s - expired.at_s < 600.0


def test_a_deployment_may_be_reported_afterwards(tmp_path: Path) -> None:
    result = control("deploy", "chat", "v2", "--at", "2026-11-23T07:46:40", "--print")
    (tmp_path / "control.jsonl").write_text(result.stdout)
    assert list(read_directives(tmp_path / "control.jsonl")) == [Deployment("chat", None, "v2", 1_795_420_000.0)]


def test_a_deployment_says_what_is_expected_of_it_and_for_how_long(tmp_path: Path) -> None:
    result = control(
        "deploy", "chat", "v2", "--at", "2026-11-23T07:46:40", "--expect", "latency_ms<=1.7x", "--expect",
        "queue_depth <= 12", "--for", "30m", "--print",
    )
    (tmp_path / "control.jsonl").write_text(result.stdout)
    (found,) = read_directives(tmp_path / "control.jsonl")
    assert isinstance(found, Deployment)
    assert list(map(str, found.expected)) == ["latency_ms<=1.7x", "queue_depth<=12"]
    assert found.until_s == 1_795_420_000.0 + 1800.0


def test_what_is_expected_of_a_deployment_is_expected_for_two_hours_by_default(tmp_path: Path) -> None:
    result = control("deploy", "chat", "v2", "--expect", "latency<=2x", "--print")
    (tmp_path / "control.jsonl").write_text(result.stdout)
    (found,) = read_directives(tmp_path / "control.jsonl")
    assert isinstance(found, Deployment)
    assert found.until_s == found.at_s + 7200.0


@pytest.mark.parametrize(("arguments", "message"), [
    (("deploy", "chat", "v2", "--expect", "latency_ms"), "expect: 'latency_ms', expected a metric, <= or >="),
    (("deploy", "chat", "v2", "--expect", "error<=2x"), "error<=2x: a failure rate, expected another metric"),
    (("deploy", "chat", "v2", "--expect", "latency<=2x", "--for", "8d"), "expected for 691200 s, expected at most"),
    (("deploy", "chat", "v2", "--for", "2h"), "--for was given, expected --expect with it"),
    (("feedback", "inc-1"), "expected one of --confirmed, --false-alarm and --expected"),
    (("feedback", "inc-1", "--confirmed", "--expected"), "expected one of --confirmed, --false-alarm and --expected"),
    (("feedback", "inc-1", "--confirmed", "--for", "2h"), "--for was given, expected --expected with it"),
    (("silence", "-m", "colour=red", "--for", "1h"), "matchers: 'colour=red', expected a matcher"),
    (("silence", "-m", "service=chat", "--for", "0s"), "silence: until_s"),
    (("silence", "-m", "service=chat", "--for", "100d"), "silence: in force for 8640000 s, expected at most 7776000 s"),
    (("silence", "-m", "service=chat", "--for", "1h", "--key", "ci"), "'ci', expected one that may sign silence (ops)"),
    (("deploy", "chat", "v2"), "ci, ops may all sign deployment, expected --key with one of them"),
    (("deploy", "chat", ""), "deployment: version ''"),
    (("ack", "inc-1"), "127.0.0.1:1"),
])
def test_a_directive_that_is_refused_is_one_message(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(KEYS)
    one_message(control(*arguments, "--config", file), message)


def test_without_a_key_nothing_is_written() -> None:
    one_message(control("silence", "-m", "service=chat", "--for", "1h"), "control.keys: none may sign silence")


def test_every_directive_survives_its_line(tmp_path: Path) -> None:
    file = json_lines(tmp_path, *[json_line(directive) for directive in DIRECTIVES], b"  ")
    assert list(read_directives(file)) == DIRECTIVES


@pytest.mark.parametrize(("line", "message"), [
    (b"{", "records.jsonl:1: "), (b"[]", ":1: no type, expected"), (b'{"type": "x", "data": {}}', ":1: type 'x', exp"),
    (b'{"type": "tocsin.control.expire.v1"}', ":1: "),
])
def test_a_file_of_something_else_is_refused_with_its_line(tmp_path: Path, line: bytes, message: str) -> None:
    with pytest.raises(ControlFileError, match=re.escape(message)):
        list(read_directives(json_lines(tmp_path, line)))


def test_a_replay_applies_a_directive_at_its_time(tmp_path: Path) -> None:
    records = json_lines(tmp_path, *recording())
    loud = replayed(records, "--out", tmp_path / "loud")
    (incident,) = map(orjson.loads, (tmp_path / "loud" / "incidents.jsonl").read_bytes().splitlines())
    begins_s = incident["opened_at_s"] + 2.0
    file = tmp_path / "control.jsonl"
    file.write_bytes(json_line(Acknowledge(incident["id"], "ben", begins_s, begins_s + 3600.0)))
    quiet = replayed(records, "--control", file, "--out", tmp_path / "quiet")
    assert (loud.exit_code, quiet.exit_code) == (0, 0)
    (found,) = map(orjson.loads, (tmp_path / "quiet" / "incidents.jsonl").read_bytes().splitlines())
    assert (found["id"], found["acknowledged"]["by"]) == (incident["id"], "ben")
    audit = [orjson.loads(line) for line in (tmp_path / "quiet" / "audit.jsonl").read_bytes().splitlines()]
    assert [(one["at_s"], one["actor"]) for one in audit if one["event"] == "acknowledge"] == [(begins_s, "ben")]


def test_a_control_file_that_cannot_be_read_is_one_message(tmp_path: Path) -> None:
    records = json_lines(tmp_path, *recording()[:5])
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"type": "x"}\n')
    one_message(replayed(records, "--control", bad, "--out", tmp_path / "out"), f"{bad}:1: type 'x'")


def test_an_expiry_without_a_key_fails_before_a_broker_is_asked(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("kafka: {brokers: ['127.0.0.1:9']}\n")
    result = CliRunner().invoke(main, ["control", "expire", "sil-1", "--config", str(file)])
    one_message(result, "control.keys: none may sign expire, expected a key")


def test_a_maintenance_window_is_no_silence_to_be_ended(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("""
kafka: {brokers: ['127.0.0.1:9']}
control: {keys: {ops: {secret: a-secret-of-thirty-two-characters, may: [expire]}}}
maintenance: [{name: nightly, time_intervals: [{}]}]
""")
    result = CliRunner().invoke(main, ["control", "expire", "nightly", "--config", str(file)])
    one_message(result, "maintenance window 'nightly': set in the configuration, it ends by its times or by another")


@pytest.mark.parametrize(("wanted", "seen", "told"), [
    ("chta", {"chat", "search"}, "no worker told of it in the last 2 minutes (did you mean chat?)"),
    ("quite-another", {"chat"}, "no worker told of it in the last 2 minutes; it has its effect"),
    ("chat", {"chat"}, None),
    ("rare", {"chat"}, None),
    ("chta", (), "`services` does not name it; it has its effect"),
    ("rare", (), None),
])
def test_a_service_that_nobody_knows_is_warned_of_with_a_near_name(
    tmp_path: Path, wanted: str, seen: set[str], told: str | None,
) -> None:
    config = config_of(tmp_path, "version: 1\nservices: [{match: rare, tier: 1}, {match: 'ch*', tier: 2}]\n")
    warning = unseen_service(wanted, wanted.__eq__, seen, config)
    assert (warning is None) is (told is None)
    assert (told or "") in (warning or "")


def test_without_any_known_service_nothing_is_warned_of(tmp_path: Path) -> None:
    assert unseen_service("chta", "chta".__eq__, (), config_of(tmp_path)) is None

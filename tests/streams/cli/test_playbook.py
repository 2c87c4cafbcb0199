"""`tocsin playbook` lists, explains and exports playbooks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import orjson
import pytest
from click.testing import CliRunner, Result

from actions.playbooks.cacao import to_cacao
from actions.playbooks.cacao_schema import PLAYBOOK_SCHEMA
from actions.playbooks.identity import key
from classifiers.model import ActionRecord
from config import read_playbooks
from streams.cli import main
from tests.actions.cases import NOW_S, incident


def tocsin(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["playbook", *map(str, arguments)])


def test_check_lists_the_steps_and_what_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("version: 1\nactions: {circuit_breaker: {url: 'http://127.0.0.1/{target}'}}\n")
    found = tocsin("check", file)
    assert found.exit_code == 0
    assert "availability v1  (availability over base)\n  isolate            circuit_breaker on" in found.stdout
    assert "  note: step back is left out: no action rollback is configured\n" in found.stdout


def test_check_names_file_line_value_and_what_was_expected(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("version: 1\nplaybooks:\n  - {name: base, mode: automatic}\n")
    found = tocsin("check", file)
    assert found.exit_code == 2
    assert f"{file}:3: playbooks[0].mode: got 'automatic', expected one of observe, suggest, auto" in found.stderr


@pytest.fixture
def replayed(tmp_path: Path) -> Path:
    """The folder of a replay with one incident, whose breaker failed once."""
    bare = incident(category="availability")
    name = key(bare.id, "circuit_breaker", "chat", "fall-back", False)
    failed = ActionRecord(
        name, "circuit_breaker", "chat", "auto", "failed", NOW_S, NOW_S + 1.0, "fall-back", 1, False, "availability",
    )
    (tmp_path / "incidents.jsonl").write_bytes(orjson.dumps(replace(bare, actions=(failed,))))
    (tmp_path / "site.yaml").write_text("version: 1\nactions: {circuit_breaker: {url: 'http://127.0.0.1/{target}'}}\n")
    return tmp_path


def test_explain_shows_what_was_taken_what_is_skipped_and_why(replayed: Path) -> None:
    found = tocsin("explain", "i1", "--config", replayed / "site.yaml", "--from", replayed)
    assert found.exit_code == 0
    assert "playbook availability v1, over base\n" in found.stdout
    assert "isolate            skipped: step 1 (circuit_breaker on {service}/{replica}) is skipped" in found.stdout
    assert "fall-back          retry: attempt 1 of circuit_breaker failed (attempt 1, auto)\n" in found.stdout
    assert "runbook\n  Requests fail, or nothing answers.\n" in found.stdout


def test_explain_of_an_unknown_incident_says_so(replayed: Path) -> None:
    found = tocsin("explain", "i2", "--from", replayed)
    assert (found.exit_code, found.stderr) == (
        1, "i2: no such incident, expected the id of one that was published\n",
    )


def test_every_shipped_playbook_is_exported_as_valid_cacao(tmp_path: Path) -> None:
    found = tocsin("export", "--out", tmp_path)
    assert found.exit_code == 0
    exports = [json.loads(file.read_bytes()) for file in tmp_path.iterdir()]
    assert {one["name"] for one in exports} == {book.name for book in read_playbooks(None)}
    for one in exports:
        jsonschema.validate(one, PLAYBOOK_SCHEMA, jsonschema.Draft202012Validator)
        assert _walk(one) == set(one["workflow"])
        agents = {step["agent"] for step in one["workflow"].values() if "agent" in step}
        assert agents == set(one["agent_definitions"])


def _walk(exported: dict[str, dict[str, dict[str, str]]]) -> set[str]:
    """The steps that can be reached from the start."""
    seen: set[str] = set()
    waiting = [str(exported["workflow_start"])]
    while waiting:
        step = waiting.pop()
        if step not in seen:
            seen.add(step)
            found = exported["workflow"][step]
            waiting += [found[name] for name in ("on_completion", "on_success", "on_failure") if name in found]
    return seen


@pytest.mark.parametrize("wrong", [
    {"spec_version": "cacao-1.0"}, {"id": "playbook--1"}, {"created": "2024-01-01T00:00:00Z"}, {"workflow": {}},
    {"playbook_types": ["repair"]}, {"more": 1},
])
def test_the_schema_refuses_what_the_specification_does_not_allow(wrong: dict[str, object]) -> None:
    good = json.loads(orjson.dumps(to_cacao(read_playbooks(None)[0])))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**good, **wrong}, PLAYBOOK_SCHEMA, jsonschema.Draft202012Validator)


def test_an_export_is_the_same_each_time() -> None:
    book = read_playbooks(None)[0]
    assert orjson.dumps(to_cacao(book)) == orjson.dumps(to_cacao(book))

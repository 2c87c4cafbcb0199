"""`tocsin schema`: what it prints and writes."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from config import load
from streams.cli import main
from streams.contracts.asyncapi import document
from streams.contracts.catalogue import CATALOGUE
from streams.contracts.schemas import schema_of


def run(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["schema", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_schema_of_a_type_is_printed(name: str) -> None:
    assert orjson.loads(run(name)) == schema_of(CATALOGUE[name])


def test_the_document_is_printed_as_yaml_without_anchors() -> None:
    text = run("asyncapi")
    assert YAML(typ="safe").load(text) == document(load(None, {}))
    assert "&id" not in text


def test_without_a_type_there_is_a_line_for_each() -> None:
    assert [line.split()[0] for line in run().splitlines()] == [*CATALOGUE, "asyncapi"]


def test_everything_is_written_to_files_named_by_type_and_version(tmp_path: Path) -> None:
    run("--out", str(tmp_path / "new"))
    written = {path.name for path in (tmp_path / "new").iterdir()}
    assert written == {*(f"{name}.v{kind.version}.json" for name, kind in CATALOGUE.items()), "asyncapi.yaml"}


def test_one_type_is_written_alone(tmp_path: Path) -> None:
    run("outcome", "--out", str(tmp_path))
    (file,) = tmp_path.iterdir()
    assert orjson.loads(file.read_bytes())["title"] == "tocsin.outcome.v1"


def test_the_topics_are_those_of_the_configuration(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("version: 1\ntopics: {audit: night.audit}\n")
    made = YAML(typ="safe").load(run("asyncapi", "--config", str(file)))
    assert made["channels"]["audit"]["address"] == "night.audit"


def test_an_unknown_type_names_those_there_are() -> None:
    result = CliRunner().invoke(main, ["schema", "incidents"])
    assert result.exit_code == 2
    assert "'incident'" in result.stderr

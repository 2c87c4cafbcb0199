"""The document of all topics, judged by the real AsyncAPI parser."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from ruamel.yaml import YAML

from config import load
from config.models import Input
from streams import contracts
from streams.contracts.asyncapi import FORMATS, document
from streams.contracts.catalogue import CATALOGUE
from streams.contracts.channels import CHANNELS
from streams.contracts.examples import MESSAGES
from streams.contracts.schemas import Schema
from tests.streams.contracts.valid import validator, violations
from tests.streams.fakes import config_of

HERE = Path(__file__).parent
CONFIG = load(None, {})
ERROR, WARNING = 0, 1
Judge = Callable[[Schema], tuple[int, dict[str, Any]]]


@pytest.fixture
def judge(parser_folder: Path, tmp_path: Path) -> Judge:
    """The parser's exit code and findings for a document."""
    def judged(written: Schema) -> tuple[int, dict[str, Any]]:
        file = tmp_path / "asyncapi.json"
        file.write_text(json.dumps(written), encoding="utf-8")
        command = ["node", str(HERE / "validate.mjs"), str(parser_folder), str(file)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, json.loads(done.stdout)
    return judged


def problems(found: dict[str, Any]) -> list[str]:
    """The errors and warnings."""
    return [f"{one['path']}: {one['message']}" for one in found["diagnostics"] if one["severity"] in (ERROR, WARNING)]


def test_the_parser_has_nothing_to_say_and_sees_every_topic_with_its_messages(judge: Judge) -> None:
    code, found = judge(document(CONFIG))
    assert (code, problems(found)) == (0, [])
    topics = {CONFIG.topics.model_dump()[one.setting]: one for one in CHANNELS}
    assert set(found["channels"]) == {*topics, *(source.topic for source in CONFIG.inputs)}
    for topic, one in topics.items():
        expected = [kind.event_type for kind in one.messages] or ["internal" if one.internal else "dead_letter"]
        assert found["channels"][topic] == expected
    assert found["channels"]["inference.latency"] == ["tocsin.record.v1"]


def test_topics_in_formats_of_others_name_them_and_have_no_schema_of_ours(judge: Judge, tmp_path: Path) -> None:
    forms = ("otlp_proto", "otlp_json", "prometheus_json")
    inputs = ", ".join(f"{{topic: {form}, format: {form}}}" for form in forms)
    made = document(config_of(tmp_path, f"version: 1\ninputs: [{inputs}]\n"))
    code, found = judge(made)
    assert (code, problems(found)) == (0, [])
    assert {form: found["channels"][form] for form in forms} == {form: [form] for form in forms}
    assert "record" not in made["components"]["schemas"]


@pytest.mark.parametrize(("spoil", "place"), [
    (lambda found: found.pop("info"), ""),
    (lambda found: found["channels"]["incidents"]["messages"]["incident"].update({"$ref": "#/nowhere"}), "operations"),
    (lambda found: found["channels"]["incidents"]["bindings"]["kafka"]["topicConfiguration"].update(
        {"cleanup.policy": "compact"}), "channels.incidents.bindings.kafka"),
    (lambda found: found["components"]["schemas"]["incident"]["properties"]["id"].update(type="words"), "components"),
])
def test_the_parser_sees_what_it_must(judge: Judge, spoil: Callable[[Schema], object], place: str) -> None:
    spoilt = deepcopy(document(CONFIG))
    spoil(spoilt)
    code, found = judge(spoilt)
    assert code == 1
    assert any(one["severity"] == ERROR and one["path"].startswith(place) for one in found["diagnostics"])


@pytest.mark.parametrize("name", MESSAGES)
def test_an_example_keeps_to_its_schema_and_to_the_headers_of_the_document(name: str) -> None:
    described, message = document(CONFIG)["components"]["messages"][name], MESSAGES[name]
    (example,) = described["examples"]
    assert list(validator(CATALOGUE[name]).iter_errors(example["payload"])) == []
    assert violations(message.headers, message.value) == []
    assert list(jsonschema.Draft202012Validator(described.get("headers", {})).iter_errors(example.get("headers"))) == []
    assert set(example.get("headers", {})) <= set(described.get("headers", {}).get("properties", {}))


def test_every_type_that_a_serving_stack_or_a_pager_meets_has_an_example() -> None:
    assert set(MESSAGES) >= {"record", "incident", "action", "outcome", "audit"}


def test_the_document_as_released_is_valid_as_well(judge: Judge) -> None:
    released = Path(contracts.__file__).parent / "released" / "asyncapi.yaml"
    assert judge(YAML(typ="safe").load(released.read_text(encoding="utf-8")))[0] == 0


def test_a_control_record_must_be_signed() -> None:
    headers = document(CONFIG)["components"]["messages"]["control.silence"]["headers"]
    assert set(headers["required"]) >= {"tocsin-key", "tocsin-signature", "ce_id"}


def test_the_document_is_of_the_topics_that_the_operator_named(tmp_path: Path) -> None:
    made = document(config_of(tmp_path, "version: 1\ntopics: {incidents: night.incidents}\nkafka: {group: night}\n"))
    assert made["channels"]["incidents"]["address"] == "night.incidents"
    assert made["operations"]["receive-inference.latency"]["bindings"]["kafka"]["groupId"]["const"] == "night"


def test_a_topic_of_last_values_says_so_and_an_internal_one_as_well() -> None:
    channels = document(CONFIG)["channels"]
    settings = channels["incidents"]["bindings"]["kafka"]["topicConfiguration"]
    assert settings == {"cleanup.policy": ["compact"], "min.compaction.lag.ms": 3_600_000}
    internal = [name for name, one in channels.items() if one.get("x-internal")]
    assert internal == ["state", "ledger", "checkpoints", "ticks"]


def test_every_topic_that_can_be_configured_is_in_the_document() -> None:
    assert {one.setting for one in CHANNELS} == set(type(CONFIG.topics).model_fields)


def test_every_format_of_an_input_has_a_message() -> None:
    """A format that is new: say in `streams.contracts.asyncapi.FORMATS` what its records are."""
    assert set(get_args(Input.model_fields["format"].annotation)) == set(FORMATS)

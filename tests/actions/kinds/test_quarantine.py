"""Which records are bad, and what is written about them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from actions.base import Refusal, RunContext, TargetError
from actions.kinds.records.quarantine import Quarantine, QuarantineParams, schema_check
from actions.kinds.records.rules import Range, Rules, fault_of
from actions.model import Intent
from tests.actions.simulators.record_store import QUARANTINE, TOPIC, QuarantineSimulator

LIVE = RunContext()
Params = Mapping[str, str | float | bool | None]
RULES = Rules(("id", "/usage/tokens"), {"/usage/tokens": Range(0, 100)}, max_bytes=60)


@pytest.fixture
def store(tmp_path: Path) -> QuarantineSimulator:
    return QuarantineSimulator(tmp_path)


def asking(store: QuarantineSimulator, params: Params) -> Intent:
    return replace(store.intent(), params=dict(params))


@pytest.mark.parametrize(("value", "fault"), [
    (b'{"id": 1, "usage": {"tokens": 5}}', None),
    (None, None),
    (b'{"id": 1, "usage": {}}', "/usage/tokens is missing"),
    (b'{"id": null, "usage": {"tokens": 5}}', "id is missing"),
    (b'{"id": 1, "usage": {"tokens": 101}}', "/usage/tokens is 101, expected at most 100"),
    (b'{"id": 1, "usage": {"tokens": -0.5}}', "/usage/tokens is -0.5, expected at least 0"),
    (b'{"id": 1, "usage": {"tokens": true}}', "/usage/tokens is 'True', expected a number"),
    (b'{"id": 1, "usage": {"tokens": NaN}}', "not JSON"),
    (b"\xff", "not JSON"),
    (b"[" * 60, "not JSON"),
    (b"[]", "id is missing"),
    (b'"' + b"x" * 60 + b'"', "62 bytes, expected at most 60"),
])
def test_bad_record_has_a_reason(value: bytes | None, fault: str | None) -> None:
    assert fault_of(value, RULES, None) == fault


async def test_bad_records_of_the_evidence_are_copied_with_reason_and_place(store: QuarantineSimulator) -> None:
    done = await store.action.run(store.intent(), LIVE)
    assert (done.data["checked"], done.data["bad"]) == (6, 3)
    headers = [dict(one.headers) for one in store.store.quarantine.values()]
    assert [one["tocsin-reason"].decode() for one in headers] == [
        "latency_ms is -1, expected at least 0", "not JSON", "latency_ms is missing",
    ]
    assert [int(one["tocsin-source-offset"]) for one in headers] == [101, 102, 103]
    assert {(one["tocsin-source-key"], one["ce_id"], one["tocsin-incident"]) for one in headers} == {
        (b"r0", b"x", b"i1"),
    }


async def test_range_of_the_step_comes_before_the_evidence(store: QuarantineSimulator) -> None:
    params: Params = {"topic": TOPIC, "partition": 0, "start_offset": 102, "end_offset": 103}
    done = await store.action.run(asking(store, params), LIVE)
    assert (done.data["checked"], done.data["bad"]) == (1, 1)
    broken_ones: list[Params] = [{"topic": TOPIC}, {**params, "start_offset": -1}, {**params, "partition": 0.5}]
    for broken in broken_ones:
        with pytest.raises(TargetError, match="expected all four"):
            await store.action.run(asking(store, broken), LIVE)


async def test_topic_that_is_not_named_is_never_read(store: QuarantineSimulator) -> None:
    params: Params = {"topic": "payroll", "partition": 0, "start_offset": 0, "end_offset": 3}
    with pytest.raises(Refusal, match="no range of records of"):
        await store.action.run(asking(store, params), LIVE)


async def test_more_records_than_allowed_are_refused(store: QuarantineSimulator) -> None:
    params: Params = {"topic": TOPIC, "partition": 0, "start_offset": 0, "end_offset": 100_001}
    with pytest.raises(Refusal, match="100001 records, expected at most 100000"):
        await store.action.run(asking(store, params), LIVE)


async def test_process_without_records_does_not_run() -> None:
    action = Quarantine(QuarantineParams((TOPIC,), QUARANTINE, Rules(("id",))))
    with pytest.raises(TargetError, match="no access to records"):
        await action.run(QuarantineSimulator(Path()).intent(), LIVE)


def test_schema_gives_the_place_of_the_fault(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    path.write_text(json.dumps({"type": "object", "properties": {"n": {"type": "integer"}}}), encoding="utf-8")
    check = schema_check(str(path))
    assert fault_of(b'{"n": 1}', Rules(), check) is None
    assert fault_of(b'{"n": "x"}', Rules(), check) == "$.n: 'x' is not of type 'integer'"
    for text in ('{"type": "nothing"}', "{"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=r"schema\.json: .*expected a JSON Schema"):
            schema_check(str(path))


@pytest.mark.parametrize(("make", "word"), [
    (lambda: QuarantineParams((), "q", RULES), "QuarantineParams.topics: none"),
    (lambda: QuarantineParams(("q",), "q", RULES), "QuarantineParams.quarantine_topic: 'q', expected another topic"),
    (lambda: QuarantineParams(("t",), "q"), "QuarantineParams.rules: nothing is required"),
    (lambda: QuarantineParams(("t",), "q", RULES, max_records=0), "QuarantineParams.max_records"),
    (lambda: Range(), "Range: None to None"),
    (lambda: Range(3, 2), "Range: 3 to 2"),
    (lambda: Rules(max_bytes=0), "Rules.max_bytes: 0"),
])
def test_params_out_of_range_are_named(make: Callable[[], object], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        make()

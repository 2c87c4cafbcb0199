"""Recorded topics that do not hold what their ticks name are refused: place, value and what was expected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from streams.contracts.ticks import Tick, encode_tick
from tests.streams.cli.commands import one_message, replayed
from tests.streams.fakes import LATENCY, T
from tests.streams.records import sample
from tests.streams.replay.topic_files import kcat_line, write_lines
from tests.streams.worker.fixtures import TOPICS

FIRST = Tick(1, T, {}, anew=True)
SECOND = Tick(1, T + 1.0, {LATENCY: 7}, begins={LATENCY: 3})
THIRD = Tick(1, T + 2.0, {LATENCY: 9}, T + 1.0)
TICKS = (FIRST, SECOND, THIRD)
OFFSETS = tuple(range(3, 12))


def site(
    folder: Path, ticks: Sequence[Tick | bytes] = TICKS, offsets: Sequence[int] = OFFSETS, outcomes: Sequence[int] = (),
) -> Path:
    """A folder of topics: ticks of shard 0, and records of latency and of outcomes at these offsets."""
    topics = folder / "topics"
    topics.mkdir()
    write_lines(topics / "ticks.jsonl", [
        kcat_line(TOPICS.ticks, 0, 2 * at, tick if isinstance(tick, bytes) else encode_tick(tick))
        for at, tick in enumerate(ticks)
    ])
    value = orjson.dumps(sample(T - 1.0))
    write_lines(topics / "latency.jsonl", [kcat_line(LATENCY, 0, offset, value) for offset in offsets])
    write_lines(topics / "outcomes.jsonl", [kcat_line(TOPICS.outcomes, 0, offset, b"{") for offset in outcomes])
    return topics


def run(topics: Path, *options: str, judges: bool = True) -> list[str]:
    """What a replay prints. judges: whether a window has enough records to be judged."""
    result = replayed(topics, "--out", topics.parent / "out", *options)
    assert result.exit_code == (0 if judges else 1), result.output
    return result.stdout.splitlines()


def refused(topics: Path, *parts: str, options: Sequence[str] = ()) -> None:
    one_message(replayed(topics, "--out", topics.parent / "out", *options), *parts)
    assert not (topics.parent / "out").exists()


def test_each_record_before_the_last_tick_is_replayed_and_those_after_it_are_not(tmp_path: Path) -> None:
    assert run(site(tmp_path))[0].startswith("6 records, ")


def test_records_before_the_state_began_are_not_replayed(tmp_path: Path) -> None:
    assert run(site(tmp_path, offsets=range(12)))[0].startswith("6 records, ")


def test_a_void_tick_of_a_former_owner_is_passed_over(tmp_path: Path) -> None:
    later = [replace(FIRST, generation=2), replace(SECOND, generation=2)]
    assert run(site(tmp_path, [FIRST, *later, THIRD]), judges=False)[0].startswith("4 records, ")


def test_a_rejected_record_is_named_by_topic_and_offset(tmp_path: Path) -> None:
    topics = site(tmp_path, [FIRST, Tick(1, T, {TOPICS.outcomes: 1}, begins={TOPICS.outcomes: 0})], outcomes=[0])
    result = replayed(topics, "--out", topics.parent / "out")
    assert result.stdout.splitlines()[0].endswith("1 rejected")
    assert result.exit_code == 1
    assert f"no record of an input was read; rejected: {TOPICS.outcomes}[0] offset 0: " in result.stderr


def test_gaps_between_ticks_are_noted(tmp_path: Path) -> None:
    topics = site(tmp_path)
    places = zip((0, 1, 6), TICKS, strict=True)
    write_lines(topics / "ticks.jsonl", [kcat_line(TOPICS.ticks, 0, at, encode_tick(tick)) for at, tick in places])
    assert any(line.startswith("note: shard 0: 1 gaps between ticks, the first at offset 2: ") for line in run(topics))


def test_a_partition_without_ticks_is_noted(tmp_path: Path) -> None:
    topics = site(tmp_path)
    write_lines(topics / "more.jsonl", [kcat_line(LATENCY, 4, 0, b"{}")])
    assert f"note: not read: {LATENCY}[4], since {TOPICS.ticks}[4] has no tick" in run(topics)


TICK = f"topics: {TOPICS.ticks}[0] offset "


@pytest.mark.parametrize(("offsets", "complaint"), [
    ((), f"{TICK}2: {LATENCY}[0] without records from offset 3 on, expected those before offset 7"),
    (range(5, 12), f"{TICK}2: {LATENCY}[0] without records before offset 5, expected those from offset 3 on, where"),
    (range(20, 30), f"{TICK}2: {LATENCY}[0] without records before offset 20, expected those from offset 3 on"),
    (range(3, 8), f"{TICK}4: {LATENCY}[0] without records from offset 8 on, expected those before offset 9, which were "
                  "read before this tick; record the ticks before other topics"),
    ((3, 4, 7, 8), f"{TICK}2: {LATENCY}[0] without records at offsets 5 to 6, expected each record before this tick"),
    ((3, 6, 7, 8), f"{TICK}2: {LATENCY}[0] without records at offsets 4 to 5, expected each record before this tick; "
                   "--allow-holes where transactions or compaction left such offsets"),
])
def test_records_that_a_tick_names_must_be_recorded(tmp_path: Path, offsets: Sequence[int], complaint: str) -> None:
    refused(site(tmp_path, offsets=offsets), complaint)


def test_holes_may_be_allowed_between_the_records_that_ticks_name(tmp_path: Path) -> None:
    assert run(site(tmp_path, offsets=(3, 6, 8)), "--allow-holes", judges=False)[0].startswith("3 records, ")


@pytest.mark.parametrize(("offsets", "complaint"), [
    ((4, 5, 6, 7, 8), "without records before offset 4"),
    ((3, 4, 8), "without records at offsets 5 to 6"),
])
def test_the_first_and_the_last_record_that_a_tick_names_are_needed_all_the_same(
    tmp_path: Path, offsets: Sequence[int], complaint: str,
) -> None:
    refused(site(tmp_path, offsets=offsets), complaint, options=["--allow-holes"])


@pytest.mark.parametrize(("ticks", "complaint"), [
    ([FIRST, b"{}"], f"{TICK}2: a record that is no tick (format: missing, expected this field), expected a tick of"),
    ([SECOND, THIRD], f"topics: {TOPICS.ticks}[0]: ticks that go on from an earlier state, expected the first tick of"),
    ([FIRST, Tick(1, T, {"clicks": 3}, begins={"clicks": 0})], f"{TICK}2: topic clicks, expected an input of the conf"),
    ([FIRST, THIRD], f"{TICK}2: {LATENCY}[0] in the middle, expected one tick that names its first record"),
    ([FIRST, SECOND, SECOND], f"{TICK}4: {LATENCY}[0] from its first record again, expected one tick that names its"),
    ([FIRST, Tick(1, T, {TOPICS.outcomes: 2}, begins={TOPICS.outcomes: 0})],
     f"{TICK}2: {TOPICS.outcomes}[0] without records from offset 0 on, expected those before offset 2"),
])
def test_ticks_that_cannot_be_repeated_are_named(
    tmp_path: Path, ticks: Sequence[Tick | bytes], complaint: str,
) -> None:
    refused(site(tmp_path, ticks), complaint)


def test_topics_without_ticks_are_refused(tmp_path: Path) -> None:
    refused(site(tmp_path, ()), f"topics: only {LATENCY}, expected {TOPICS.ticks} too, which says when windows")


def test_ticks_without_partition_and_offset_are_refused(tmp_path: Path) -> None:
    topics = site(tmp_path)
    file = write_lines(topics / "ticks.jsonl", map(encode_tick, TICKS))
    refused(topics, f"{file}:1: ", "expected each tick in a record as `kcat -J` writes it")


def test_a_record_without_offset_is_refused(tmp_path: Path) -> None:
    topics = site(tmp_path)
    file = write_lines(topics / "more.jsonl", [b'{"topic": "x", "partition": 0, "payload": ""}'])
    refused(topics, f"{file}:1: a record without offset, expected a record as `kcat -J` writes it")


@pytest.mark.parametrize(("option", "complaint"), [
    ("--control", "expected none: recorded ticks hold the control records"),
    ("--allow-holes", "expected recorded topics"),
])
def test_options_of_the_other_kind_of_recording_are_refused(tmp_path: Path, option: str, complaint: str) -> None:
    values = write_lines(tmp_path / "values.jsonl", [orjson.dumps(sample(T))])
    of_topics = option == "--control"
    recording, arguments = (site(tmp_path), [option, values]) if of_topics else (values, [option])
    result = replayed(recording, *arguments, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert complaint in " ".join(result.stderr.split())

"""A whole run of the demo on the embedded broker, with a stub for a worker and a recording of twelve seconds."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from streams.demo.display import Lines
from streams.demo.run import DemoError, WaitLimits, run
from streams.demo.state import DemoState
from streams.replay.recordings import RecordingError

pytest.importorskip("confluent_kafka")

STUB = (sys.executable, "-m", "tests.streams.demo.stub_worker")
LIMITS = WaitLimits(ready_timeout_s=30.0, settle_s=5.0, quiet_s=0.5)


class Watched:
    """A display that remembers what was shown, and sets an event when the play begins."""

    def __init__(self) -> None:
        self.console = Console(width=200, file=io.StringIO(), color_system=None)
        self.lines = Lines(self.console)
        self.playing = asyncio.Event()

    def update(self, demo: DemoState) -> None:
        self.lines.update(demo)
        if demo.phase == "playing":
            self.playing.set()

    def __enter__(self) -> Watched:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    @property
    def text(self) -> str:
        assert isinstance(self.console.file, io.StringIO)
        return self.console.file.getvalue()


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Ten requests a second for twelve seconds; replica r1 is slow from second 5 to 8."""
    rows = ["ts,arrival,model,version,replica,tenant,status,latency_ms"]
    for tick in range(120):
        latency_ms = 2000 if tick % 2 and 50 <= tick < 80 else 100
        rows.append(f"{1000 + tick / 10},0,bytegpt,v1,r{tick % 2},code,ok,{latency_ms}")
    (tmp_path / "requests.csv").write_text("\n".join(rows) + "\n")
    event = {
        "kind": "slow_replica", "start_s": 5, "end_s": 8, "scored": True, "replica": "r1",
        "expected": {"category": ["performance_degradation"], "severity": ["P1"], "remedy": ["circuit_breaker"]},
    }
    truth = {"recording": "twelve-seconds", "start_epoch_s": 1000, "duration_s": 12, "settle_s": 2, "requests": 120}
    (tmp_path / "truth.json").write_text(json.dumps({**truth, "events": [event]}))
    return tmp_path


def children_of_this_process() -> list[psutil.Process]:
    return [p for p in psutil.Process(os.getpid()).children(recursive=True) if "stub_worker" in " ".join(p.cmdline())]


async def test_a_fault_in_the_recording_ends_as_a_switch_at_the_gateway(recording: Path) -> None:
    shown = Watched()

    demo = await run(recording, 10.0, shown, limits=LIMITS, worker=STUB)

    finding = demo.score().findings[0]
    assert demo.failures() == ()
    assert finding.delay_s is not None
    assert 0.0 <= finding.delay_s < 0.2
    assert demo.sent == demo.worker.records == 120
    assert demo.worker.exit_code == 0
    assert demo.wall_s >= demo.truth.duration_s / 10.0
    assert [(change.target, change.after, change.key) for change in demo.changes] == [("serving/r1", "open", "k1")]
    assert demo.changes[0].at_s - demo.origin_s > 5.0
    assert "circuit breaker serving/r1 executed" in shown.text
    assert children_of_this_process() == []


async def test_a_recording_without_records_is_named(recording: Path) -> None:
    (recording / "requests.csv").write_text("ts,status,latency_ms\n")

    with pytest.raises(RecordingError, match="no records, expected at least one"):
        await run(recording, 10.0, Watched(), worker=STUB)


async def test_a_worker_that_dies_ends_the_run_with_the_end_of_its_log(
    recording: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STUB", "dies")

    with pytest.raises(DemoError, match=r"exit code 1:\nthe stub dies on request"):
        await run(recording, 10.0, Watched(), limits=LIMITS, worker=STUB)


async def test_a_worker_that_never_gets_ready_is_given_up(recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUB", "deaf")

    with pytest.raises(DemoError, match="not ready within 2 s"):
        await run(recording, 10.0, Watched(), limits=WaitLimits(ready_timeout_s=2.0), worker=STUB)

    assert children_of_this_process() == []


async def test_a_run_that_is_cancelled_leaves_no_process_behind(recording: Path) -> None:
    shown = Watched()
    task = asyncio.create_task(run(recording, 1.0, shown, limits=LIMITS, worker=STUB))
    await asyncio.wait_for(shown.playing.wait(), 30.0)
    assert len(children_of_this_process()) == 1

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert children_of_this_process() == []


async def test_a_display_that_breaks_ends_the_run_with_its_error(recording: Path) -> None:
    class Broken(Watched):
        def update(self, _story: DemoState) -> None:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await run(recording, 10.0, Broken(), limits=LIMITS, worker=STUB)

    assert children_of_this_process() == []

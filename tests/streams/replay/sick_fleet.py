"""A recording of a simulated fleet with one slow replica, and a plan with a playbook of two steps."""

from __future__ import annotations

from dataclasses import replace

from actions.playbooks.playbook import Match, Playbook, Step, Verify
from streams.pipeline import Shard
from tests.simulation.fleet import Fleet, sick
from tests.simulation.run import Run
from tests.streams.fakes import default_plan
from tests.streams.records import FakeRecord

LADDER = Playbook("cut", 1, Match(), "auto", (
    Step("circuit_breaker", "{service}/{replica}", verify=Verify(within_s=5.0)), Step("notify", "{service}"),
), on_open=())
PLAN = replace(default_plan(), decisions=replace(default_plan().decisions, playbooks=(LADDER,)))


class Recorder(Run):
    """Keeps the records of the fleet instead of processing them."""

    values: list[bytes]

    def ingest(self, records: object, *_: object, **__: object) -> None:  # type: ignore[override]
        assert isinstance(records, list)
        self.values += [record.value for record in records if isinstance(record, FakeRecord) and record.value]


def recording() -> list[bytes]:
    """A fleet whose replica r1 is slow from second 60 to 80."""
    recorder = Recorder(Shard(replace(PLAN, sources={"inference.latency": True})))
    recorder.values = []
    Fleet(recorder, ("r0", "r1", "r2")).play(60).play(20, sick("r1")).play(40)
    return recorder.values

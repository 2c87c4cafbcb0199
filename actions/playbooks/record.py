"""The record of steps: which of them led to a recovery, and which did not help. Pure; part of a shard's snapshot."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from classifiers.validation_errors import describe_first

MAX_RUNS = 1_000
"""Judged runs that a shard remembers; beyond that the oldest are forgotten."""


@dataclass(frozen=True, slots=True)
class JudgedRun:
    """One run of a step, and whether the service recovered by it. at_s: of the verdict, in event time."""

    service: str
    playbook: str
    step_id: str
    at_s: float
    recovered: bool


_RUNS: TypeAdapter[list[JudgedRun]] = TypeAdapter(list[JudgedRun])


class StepRecord:
    """The judged runs of one shard, oldest first."""

    def __init__(self, runs: Iterable[JudgedRun] = ()) -> None:
        self._runs: deque[JudgedRun] = deque(runs, MAX_RUNS)

    def add(self, run: JudgedRun) -> None:
        """Remember one more."""
        self._runs.append(run)

    def of(self, playbook: str, step_id: str) -> tuple[int, int]:
        """How often the step led to a recovery, of how many judged runs."""
        found = [run.recovered for run in self._runs if (run.playbook, run.step_id) == (playbook, step_id)]
        return sum(found), len(found)

    def ineffective(self, service: str, playbook: str, step_id: str, since_s: float) -> int:
        """How often the step did not help a service since then."""
        place = (service, playbook, step_id)
        return sum(
            (run.service, run.playbook, run.step_id) == place and not run.recovered and run.at_s >= since_s
            for run in self._runs
        )

    def dump(self) -> list[dict[str, Any]]:
        """All runs, as JSON values."""
        return [asdict(run) for run in self._runs]

    def load(self, data: object) -> None:
        """Put a dump back; raises `ValueError` when it is not one."""
        try:
            self._runs = deque(_RUNS.validate_python(data), MAX_RUNS)
        except ValidationError as error:
            raise ValueError(f"record of steps: {describe_first(error)}") from None

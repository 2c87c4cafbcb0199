"""Kafka records as plain values, for tests without Kafka."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from detectors.base import Block
from streams.intake.columns import Samples
from streams.intake.native import decode
from streams.intake.scopes import ScopeTable
from streams.intake.validation import ValidationLimits
from streams.windows.series import SeriesTable
from streams.windows.windower import Closed

NOW_S = 1_795_420_500.0


@dataclass(frozen=True)
class FakeRecord:
    """What aiokafka would hand over."""

    value: bytes | None
    offset: int = 0
    topic: str = "inference.latency"
    partition: int = 3
    timestamp: int = 1_795_420_425_760
    key: bytes | None = b"chat"
    headers: Sequence[tuple[str, bytes]] = ()


LATENCY = {"latency_ms": 10.0}


def sample(
    ts: float = NOW_S - 1.0, service: str = "chat", metrics: object = LATENCY, **labels: object,
) -> dict[str, object]:
    """One native sample as a JSON object."""
    return {"ts": ts, "service": service, "metrics": metrics, **labels}


def records(values: Iterable[object]) -> list[FakeRecord]:
    """Records with offsets 0, 1, 2, ...; bytes and None stay, everything else becomes JSON."""
    return [
        FakeRecord(value if value is None or isinstance(value, bytes) else json.dumps(value).encode(), offset)
        for offset, value in enumerate(values)
    ]


def samples_of(values: Iterable[object], scopes: ScopeTable) -> Samples:
    """The samples of good values; fails the test when one is rejected."""
    decoded = decode(records(values), scopes, ValidationLimits(), NOW_S)
    assert decoded.dead == []
    return decoded.samples


def told(closed: Closed, series: SeriesTable) -> dict[tuple[str, str], tuple[object, ...]]:
    """A closed window in words: (metric, scope) -> start, end, value, count, std, minimum, maximum."""
    return {named(series, row): numbers for row, numbers in zip(closed.block.rows, lines(closed.block), strict=True)}


def named(series: SeriesTable, row: np.intp) -> tuple[str, str]:
    """Metric and the scope's parts, joined."""
    metric, scope = series.key(int(row))
    parts = (scope.service, scope.model, scope.version, scope.replica, scope.tenant)
    return metric, "/".join("-" if part is None else part for part in parts)


def lines(block: Block) -> list[tuple[float, ...]]:
    """The block window by window."""
    columns = (block.start_s, block.end_s, block.value, block.count, block.std, block.minimum, block.maximum)
    return [tuple(float(number) for number in line) for line in zip(*columns, strict=True)]

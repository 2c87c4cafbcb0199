from __future__ import annotations

import numpy as np

from classifiers.model import Anomaly, OffsetRange, Scope
from detectors.base import Block
from detectors.suite import Suite, SuiteScores
from streams.shard.readings import absences, readings

R0, R1 = Scope("chat", replica="r0"), Scope("chat", replica="r1")


def floats(*numbers: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array(numbers, np.float64)


def nowhere(_metric: str, _start_s: float, _end_s: float) -> tuple[OffsetRange, ...]:
    return ()


BLOCK = Block(
    np.array([3, 5, 8]), floats(0, 0, 0), floats(1, 1, 1), floats(10, 20, 30), floats(7, 8, 9), floats(0, 0, 0),
    floats(10, 20, 30), floats(10, 20, 30),
)
SCORES = SuiteScores(
    floats(np.nan, 2.0, 0.5), np.array([-1, 1, 2]), np.array([0, 1, -1]), floats(np.nan, 12.0, 31.0), np.zeros((4, 3)),
    floats(0.0, -4.0, 0.0), floats(np.nan, 1.5, 1.0), floats(0.0, 9.0, 1.0), floats(0.0, 2.0, 0.0),
)


def test_a_reading_is_the_window_at_its_place_and_unknown_is_none() -> None:
    found = readings(BLOCK, SCORES, np.array([0, 1]), [("latency_ms", R0), ("latency_ms", R1)], nowhere)
    assert found == [
        Anomaly(R0, "latency_ms", "none", 0.0, 1.0, 10.0, None, None, "none", 7, 0.0),
        Anomaly(R1, "latency_ms", Suite.names[1], 0.0, 1.0, 20.0, 12.0, 2.0, "up", 8, -4.0, 1.5),
    ]
    assert [reading.alarming for reading in found] == [False, True]


def test_a_reading_holds_plain_numbers() -> None:
    (found,) = readings(BLOCK, SCORES, np.array([2]), [("latency_ms", R0)], nowhere)
    assert (type(found.count), type(found.value), type(found.onset_s)) == (int, float, float)


def test_silence_begins_with_the_first_window_that_is_missed() -> None:
    assert absences(floats(3.0), floats(12.0), floats(2.0), [("latency_ms", R1)], 100.0) == [
        Anomaly(R1, "latency_ms", "absence", 88.0, 100.0, None, None, 3.0, "down", 0, 90.0, 2.0),
    ]

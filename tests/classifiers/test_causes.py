from __future__ import annotations

import pytest

from classifiers.causes import CauseParams, share_out
from tests.classifiers.story import ALL, R0, instant


def test_every_alarm_is_in_exactly_one_share() -> None:
    readings = instant(5.0, "latency_ms", {ALL: 0.4, R0: 1.0})
    shares = share_out(readings, [], 5.0, CauseParams(), 0.8)
    shared = [reading for share in shares for reading in share.readings if reading.alarming]
    assert sorted(map(id, shared)) == sorted(id(reading) for reading in readings if reading.alarming)


def test_a_group_window_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="group_window_s is -1"):
        CauseParams(group_window_s=-1.0)

"""Who serves and who reports, of one shard: traffic, departures, drained parts, silence, and when rates count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers.model import AuditEntry
from detectors.base import IntArray, State
from detectors.suite import Suite
from streams.presence.departures import Departures
from streams.presence.draining import Draining
from streams.presence.part_rates import PartRates
from streams.presence.traffic import Traffic
from streams.shard.absences import Absences
from streams.shard.rows import Rows
from streams.windows.series import SeriesTable


class Presence:
    """silent_after_s: a silent replica of which nothing more is known has left then. retire_s: a series silent for
    longer is gone."""

    def __init__(
        self, series: SeriesTable, suite: Suite, rows: Rows, traffic: Traffic, silent_after_s: float, retire_s: float,
    ) -> None:
        self.traffic = traffic
        self._departures = Departures(traffic, silent_after_s)
        self.absences = Absences(series, suite, rows, self._departures, retire_s)
        self.part_rates = PartRates(series.key, rows, traffic, self._departures)
        self.draining = Draining(series.key, rows, traffic, suite.usual_count)

    def take_audit(self) -> list[AuditEntry]:
        """Who left, since the last call."""
        return self._departures.take_audit()

    def snapshot(self, rows: IntArray) -> tuple[State, dict[str, Any]]:
        """The state as arrays and JSON values. rows: in use."""
        meta = {
            "departures": self._departures.dump(), "absences": self.absences.dump(),
            "part_rates": self.part_rates.dump(), "draining": self.draining.dump(),
        }
        return self.traffic.snapshot(rows), meta

    def restore(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]], meta: Mapping[str, Any]) -> None:
        """Go on from a snapshot, after the rows were admitted; raises as its parts do when it is not one."""
        self.traffic.restore(rows, state)
        self._departures.load(meta["departures"])
        self.absences.load(meta["absences"])
        self.part_rates.load(meta["part_rates"])
        self.draining.load(meta.get("draining", []))  # snapshots of before have none

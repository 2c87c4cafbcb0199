"""What the shard knows about each row: its service, whether it is scored, whether its silence is checked.

Rows come and go with the series table. Their few attributes are kept in arrays, so that a block is split by service
without a look at any key.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from classifiers.evidence.attribution import dimension_of
from classifiers.incidents.triage import ServiceKey
from classifiers.model import Scope
from detectors.base import BoolArray, IntArray
from detectors.ensemble.profiles import Profile, profile_index
from detectors.suite import Suite
from streams.intake.aggregated.instant import REPORTED_WITHOUT_TRAFFIC
from streams.presence.draining import LENGTH_BIASED
from streams.presence.traffic import Traffic
from streams.windows.series import SeriesTable

CHECKED_DIMENSIONS = frozenset({None, "replica"})
"""Scopes whose silence is an anomaly: the whole and its replicas. A version or tenant that stops reporting is none. Of
aggregated metrics only the silence of `REPORTED_WITHOUT_TRAFFIC` ones counts: a mean is missing whenever there was no
request."""


class Rows:
    """Attributes by row, kept in step with the series table by `admit` and `forget`. About 10 bytes a row.

    service_of: number of the row's service in `services`, -1 for a row not in use. scored: a profile matches its
    metric. absence_checked: its silence may be an anomaly. of_part: its scope is a version, replica or tenant.
    extensive: its metric counts requests or tokens, so that the values of parts add up to that of the whole.
    length_biased: an exporter reports it, and it is one of `LENGTH_BIASED`. traffic: gets the rows too.
    """

    def __init__(self, series: SeriesTable, suite: Suite, profiles: tuple[Profile, ...], traffic: Traffic) -> None:
        self._series = series
        self._suite = suite
        self._traffic = traffic
        self._profiles = profiles
        self._matched_labels = sorted({label for profile in profiles for label in profile.labels})
        self._profile_of: dict[tuple[str | bool | None, ...], int | None] = {}
        self._numbers: dict[ServiceKey, int] = {}
        self._replicas: dict[tuple[ServiceKey, str], int] = {}
        self.services: list[ServiceKey] = []
        self.service_of = np.full(0, -1, np.intp)
        self.scored = np.zeros(0, np.bool_)
        self.absence_checked = np.zeros(0, np.bool_)
        self.of_part = np.zeros(0, np.bool_)
        self.extensive = np.zeros(0, np.bool_)
        self.length_biased = np.zeros(0, np.bool_)
        self._replica_of = np.full(0, -1, np.int32)
        self._of_version = np.zeros(0, np.bool_)

    def admit(self, rows: IntArray) -> list[tuple[ServiceKey, str]]:
        """Set up rows that are new since the last call; returns the versions that appear with them.

        A new version begins with what its service learned of the version that was seen last. About 20 us a new row.
        """
        new, scopes = self._set_up(rows)
        versions = []
        for row, scope in zip(new, scopes, strict=True):
            if scope.version is not None:
                versions.append(((scope.service, scope.model), scope.version))
                if not self.extensive[row]:
                    self._inherit(row)
                self._of_version[row] = True
        return versions

    def readmit(self, rows: IntArray) -> None:
        """Set up rows of a snapshot, whose state the caller restores: none of them begins with that of another."""
        new, scopes = self._set_up(rows)
        self._of_version[new] = [scope.version is not None for scope in scopes]

    def _set_up(self, rows: IntArray) -> tuple[list[int], list[Scope]]:
        """The rows that are new, and their scopes."""
        self._grow(int(rows.max(initial=-1)) + 1)
        new: list[int] = rows[self.service_of[rows] < 0].tolist()
        if not new:
            return [], []
        scopes, services, profiles, flags = [], [], [], []
        for row, aggregated in zip(new, self._series.aggregated[new].tolist(), strict=True):
            metric, scope = self._series.key(row)
            service, dimension = self._number((scope.service, scope.model)), dimension_of(scope)
            self._traffic.admit(row, metric, scope, service, aggregated)
            if scope.replica is not None:
                replica = (scope.service, scope.model), scope.replica
                self._replica_of[row] = self._replicas.setdefault(replica, len(self._replicas))
            profile = self._profile(metric, scope, aggregated)
            is_steady = not aggregated or metric in REPORTED_WITHOUT_TRAFFIC
            is_checked = profile is not None and is_steady and dimension in CHECKED_DIMENSIONS
            scopes.append(scope)
            services.append(service)
            profiles.append(-1 if profile is None else profile)
            flags.append((
                is_checked, dimension is not None, self._traffic.rows.is_extensive(metric),
                aggregated and metric in LENGTH_BIASED,
            ))
        self.service_of[new] = services
        self.absence_checked[new], self.of_part[new], self.extensive[new], self.length_biased[new] = (
            np.array(flags, np.bool_).T
        )
        profile_of = np.array(profiles, np.intp)
        scored = profile_of >= 0
        self.scored[new] = scored
        self._suite.assign(np.array(new, np.intp)[scored], profile_of[scored])
        return new, scopes

    def is_admitted(self, rows: IntArray) -> BoolArray:
        """(n,) whether each row was set up by `admit`."""
        found: BoolArray = rows < len(self.service_of)
        found[found] = self.service_of[rows[found]] >= 0
        return found

    def forget(self, rows: IntArray) -> None:
        """Rows that were evicted: their next owner starts cold."""
        if not len(rows):
            return
        self._suite.forget(rows)
        self._traffic.forget(rows)
        self._grow(int(rows.max()) + 1)
        self.service_of[rows] = -1
        self._replica_of[rows] = -1
        self._of_version[rows] = False
        self.scored[rows] = False
        self.absence_checked[rows] = False
        self.of_part[rows] = self.extensive[rows] = self.length_biased[rows] = False

    def numbers(self, services: Iterable[ServiceKey]) -> list[int]:
        """The numbers of services in `services`; one that never had a row is left out."""
        return [self._numbers[service] for service in services if service in self._numbers]

    def replicas(self, service: ServiceKey, since_s: float) -> int | None:
        """How many replicas of a service were seen since then (event time); None when no record named one."""
        rows = np.flatnonzero((self._replica_of >= 0) & np.isin(self.service_of, self.numbers([service])))
        recent = rows[self._series.last_seen_s[rows] >= since_s]
        return len(np.unique(self._replica_of[recent])) or None

    def _inherit(self, row: int) -> None:
        """A new version is scored from its first window, against the baseline of the version that was seen last."""
        siblings = np.flatnonzero(self._of_version & self.scored & (self.service_of == self.service_of[row]))
        siblings = siblings[self._series.metric_of[siblings] == self._series.metric_of[row]]
        if not len(siblings):
            return
        last = siblings[int(np.argmax(self._series.last_seen_s[siblings]))]
        self._suite.restore(np.array([row]), self._suite.snapshot(np.array([last])))

    def _number(self, service: ServiceKey) -> int:
        if service not in self._numbers:
            self._numbers[service] = len(self.services)
            self.services.append(service)
        return self._numbers[service]

    def _profile(self, metric: str, scope: Scope, aggregated: bool) -> int | None:
        key = (aggregated, metric, *[getattr(scope, name) for name in self._matched_labels])
        if key not in self._profile_of:
            labels = {name: getattr(scope, name) for name in self._matched_labels}
            index = profile_index(metric, self._profiles, labels)
            if index is not None and aggregated:
                index = self._profiles.index(self._profiles[index].aggregated)
            self._profile_of[key] = index
        return self._profile_of[key]

    def _grow(self, size: int) -> None:
        if size <= len(self.service_of):
            return
        more = max(size, 2 * len(self.service_of), 256) - len(self.service_of)
        self.service_of = np.concatenate([self.service_of, np.full(more, -1, np.intp)])
        self._replica_of = np.concatenate([self._replica_of, np.full(more, -1, np.int32)])
        self.scored, self.absence_checked, self.of_part, self.extensive, self.length_biased, self._of_version = (
            np.concatenate([flags, np.zeros(more, np.bool_)]) for flags in (
                self.scored, self.absence_checked, self.of_part, self.extensive, self.length_biased, self._of_version,
            )
        )
        self._suite.grow(len(self.service_of))

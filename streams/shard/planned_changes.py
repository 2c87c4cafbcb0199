"""The planned changes of one shard: while one is expected, what it explains is no alarm and is learned as normal.

A planned change covers the series of a service. From its beginning on, each of them is judged by a copy of what was
learned before it (`detectors/planned_reference.py`). A deviation within the expected range is quiet. The series then
learns its level anew, so nothing is left to alarm when the change is no longer expected. A deviation beyond the range
is an alarm as any other. Of two changes that cover a series the later one counts.

Pure. Crash: changes and copies come back with the snapshot. Duplicate: a directive is applied once, by its id. Bounded
by `MAX_CHANGES`, and by the rows of the services concerned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from classifiers.causes.observed_shifts import ObservedShifts
from classifiers.causes.planned_shifts import allowance
from classifiers.directives import Deployment
from classifiers.evidence.attribution import dimension_of
from classifiers.expectations import Expectation, names_metric
from classifiers.model import AuditEntry, Scope
from classifiers.validation_errors import describe_first
from detectors.base import Block, BoolArray, IntArray, State
from detectors.planned_reference import PlannedReference, relearn
from detectors.suite import Suite, SuiteParams, SuiteScores
from streams.shard.rows import Rows
from streams.windows.series import SeriesTable

MAX_CHANGES = 200
"""Planned changes that a shard keeps at once. Beyond that the oldest end early."""
Extent = Literal["all", "whole", "replica", "tenant", "version"]


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """A change that is expected from `from_s` until before `until_s`, seconds of event time.

    model: None for every model of the service. expected: of its metrics. extent: the series it covers: all, those of
    the whole service and model, or those of one part, named by `part`.
    """

    id: str
    service: str
    model: str | None
    from_s: float
    until_s: float
    expected: tuple[Expectation, ...]
    extent: Extent = "all"
    part: str | None = None

    def covers(self, scope: Scope) -> bool:
        """Whether a series of this scope may be affected."""
        if scope.service != self.service or self.model not in (None, scope.model):
            return False
        if self.extent == "all":
            return True
        if self.extent == "whole":
            return dimension_of(scope) is None
        part: str | None = getattr(scope, self.extent)
        return part is not None and part == self.part

    def __str__(self) -> str:
        where = "/".join(name for name in (self.service, self.model) if name)
        return f"{', '.join(map(str, self.expected))} of {where}"


@dataclass(slots=True)
class _Active:
    """A change in force. factors: the bound of each expectation as a factor, None while unknown. held_back: metrics
    of which deviations were held back."""

    change: PlannedChange
    factors: list[float | None] = field(default_factory=list)
    held_back: list[str] = field(default_factory=list)


_DUMP: TypeAdapter[list[_Active]] = TypeAdapter(list[_Active])
_Series = tuple[int, int]
"""The numbers of a row's metric and scope: a row may become another series."""


class PlannedChanges:
    """See the module. One for each shard, used by `Detection`."""

    def __init__(self, series: SeriesTable, suite: Suite, rows: Rows, params: SuiteParams) -> None:
        self._series = series
        self._suite = suite
        self._rows = rows
        self._params = params
        self._active: dict[str, _Active] = {}
        self._reference = PlannedReference(params)
        self._covered: dict[int, tuple[_Series, str | None]] = {}
        """By row the series that it was, and the change that covers it, None for none. A cache."""
        self._taken: dict[int, tuple[_Series, str]] = {}
        """By row with a copy in the reference the series that it was, and the change that it was copied for."""
        self._audit: list[AuditEntry] = []

    def __bool__(self) -> bool:
        return bool(self._active)

    def add(self, change: PlannedChange, now_s: float, actor: str | None = None) -> None:
        """Expect a change from now on. One whose time is over changes nothing."""
        if change.until_s <= now_s:
            return
        factors = [one.bound if one.relative else self._factor(one, change) for one in change.expected]
        self._active[change.id] = _Active(change, factors)
        self._covered.clear()
        self._cover(self._series.active())
        if self._knows(change):
            reason = f"{change} is expected for {change.until_s - now_s:.0f} s"
            self._audit.append(AuditEntry(now_s, change.id, "expect", None, "expected", reason, actor))
        for oldest in list(self._active)[: max(0, len(self._active) - MAX_CHANGES)]:
            self._end(oldest, now_s, f"more than {MAX_CHANGES} changes are expected")

    def add_deployment(self, deployed: Deployment, now_s: float) -> None:
        """Expect what a deployment announced, if anything."""
        if deployed.until_s is not None:
            self.add(PlannedChange(
                deployed.id, deployed.service, deployed.model, deployed.at_s, deployed.until_s, deployed.expected,
            ), now_s)

    def add_observed(self, shifts: ObservedShifts, name: str, from_s: float, until_s: float, actor: str) -> None:
        """Expect from now on what an incident showed, up to its size; `name` is that of the feedback."""
        part = shifts.dimension or "all"
        extents: tuple[tuple[str, Extent, tuple[Expectation, ...]], ...] = (
            (name, part, shifts.of_part), (f"{name}/whole", "whole", shifts.of_whole),
        )
        for change_id, extent, expected in extents:
            if expected:
                value = shifts.part if extent == part else None
                change = PlannedChange(
                    change_id, shifts.service, shifts.model, from_s, until_s, expected, extent, value,
                )
                self.add(change, from_s, actor)

    def end_due(self, now_s: float) -> None:
        """End the changes whose time is over."""
        for name, active in list(self._active.items()):
            if active.change.until_s <= now_s:
                held = ", ".join(sorted(active.held_back)) or "no metric"
                self._end(name, now_s, f"its time is over; deviations of {held} were within it")

    def judge(self, block: Block, scores: SuiteScores, now_s: float) -> SuiteScores:
        """The scores of a block with those of covered rows as planned; to be called between the suite's `score` and
        `observe`. A row whose deviation is planned begins to learn its level anew."""
        if not self._active:
            return scores
        at = self._cover(block.rows)
        if not len(at):
            return scores
        part = block.select(at)
        own = SuiteScores(*(getattr(scores, name)[..., at] for name in SuiteScores.__slots__))
        found = self._reference.score(part, own)
        planned = (own.level >= 1.0) & ~(found.level >= 1.0)
        if planned.any():
            relearn(self._suite, part.rows[planned])
            self._note_held_back(part.rows[planned], now_s)
        return _spread(found, at, scores)

    def relearn(self, rows: IntArray) -> BoolArray:
        """Let those of the rows that are judged as planned learn their level anew; (n,) which these are."""
        covered: BoolArray = np.array([row in self._reference for row in rows.tolist()], np.bool_)
        if covered.any():
            relearn(self._suite, rows[covered])
        return covered

    def forget(self, rows: IntArray) -> None:
        """Rows whose level is taken as normal: they are judged by what they learn from now on."""
        self._reference.forget(rows)
        for row in rows.tolist():
            self._taken.pop(row, None)

    def take_audit(self) -> list[AuditEntry]:
        """Changes that began or ended, and metrics of which deviations were held back, since the last call."""
        audit, self._audit = self._audit, []
        return audit

    def snapshot(self) -> tuple[State, dict[str, Any]]:
        """Arrays of the copies, and the changes as JSON values."""
        changes = _DUMP.dump_python(list(self._active.values()), mode="json")
        taken = [[row, *series, name] for row, (series, name) in sorted(self._taken.items())]
        return self._reference.snapshot(), {"changes": changes, "taken": taken}

    def restore(self, arrays: Mapping[str, NDArray[np.generic]], meta: Mapping[str, Any]) -> None:
        """Put a snapshot into new planned changes; raises `ValueError` or `LookupError` when it is not one."""
        try:
            self._active = {one.change.id: one for one in _DUMP.validate_python(meta["changes"])}
        except ValidationError as error:
            raise ValueError(f"planned changes: {describe_first(error)}") from None
        self._taken = {int(row): ((int(metric), int(scope)), str(name)) for row, metric, scope, name in meta["taken"]}
        self._reference.restore(arrays)

    def _factor(self, expectation: Expectation, change: PlannedChange) -> float | None:
        """A bound in the metric's unit as a factor: from the highest expected value of the whole service."""
        rows = [
            row for row in self._series.active().tolist()
            if names_metric(expectation, (key := self._series.key(row))[0]) and change.covers(key[1])
            and dimension_of(key[1]) is None
        ]
        expected = self._suite.expected(np.array(rows, np.intp))
        highest = float(np.fmax.reduce(expected, initial=0.0))
        return expectation.bound / highest if highest > 0.0 else None

    def _cover(self, rows: IntArray) -> IntArray:
        """The places of rows that are judged as planned. Copies rows that are covered now and warm."""
        at, missing = [], []
        services = set(self._rows.numbers(
            service for service in self._rows.services
            if any(one.change.service == service[0] for one in self._active.values())
        ))
        for place in np.flatnonzero(np.isin(self._rows.service_of[rows], list(services))).tolist():
            row = int(rows[place])
            name = self._change_of(row)
            if name is None:
                continue
            if self._taken.get(row) == (self._series_of(row), name):
                at.append(place)
            else:
                missing.append(place)
        fresh = rows[missing]
        fresh, places = fresh[warm := self._suite.is_warm(fresh)], np.array(missing, np.intp)[warm]
        if len(fresh):
            self._take(fresh)
        return np.array(sorted([*at, *places.tolist()]), np.intp)

    def _take(self, rows: IntArray) -> None:
        allowed = np.full((len(rows), 4), np.nan)
        for place, row in enumerate(rows.tolist()):
            name = self._change_of(row)
            assert name is not None
            active = self._active[name]
            found = allowance(self._series.key(row)[0], zip(active.change.expected, active.factors, strict=True))
            assert found is not None
            unlimited = [np.nan if one is None else one for one in (found.lowest, found.highest)]
            allowed[place] = [found.low, found.high, *unlimited]
            self._taken[row] = self._series_of(row), name
        self._reference.take(rows, self._suite, allowed)

    def _change_of(self, row: int) -> str | None:
        """The latest change that covers a row."""
        series = self._series_of(row)
        if row not in self._covered or self._covered[row][0] != series:
            metric, scope = self._series.key(row)
            names = [
                name for name, one in self._active.items() if one.change.covers(scope)
                and allowance(metric, zip(one.change.expected, one.factors, strict=True)) is not None
            ]
            self._covered[row] = series, names[-1] if names else None
        return self._covered[row][1]

    def _series_of(self, row: int) -> _Series:
        return int(self._series.metric_of[row]), int(self._series.scopes_of(np.array([row]))[0])

    def _note_held_back(self, rows: IntArray, now_s: float) -> None:
        """An audit entry for the first deviation of each metric within a change."""
        for row in rows.tolist():
            metric, scope = self._series.key(row)
            active = self._active[self._taken[row][1]]
            if metric not in active.held_back:
                active.held_back.append(metric)
                part = dimension_of(scope)
                where = "the service" if part is None else f"{part} {getattr(scope, part)}"
                reason = f"{metric} of {where} deviates within what is expected: no alarm, and learned as normal"
                self._audit.append(AuditEntry(now_s, active.change.id, "hold_back", "expected", "expected", reason))

    def _end(self, name: str, now_s: float, reason: str) -> None:
        active = self._active.pop(name)
        self._covered.clear()
        self.forget(np.array([row for row, (_, taken) in self._taken.items() if taken == name], np.intp))
        if self._knows(active.change):
            self._audit.append(AuditEntry(now_s, name, "end", "expected", None, reason))

    def _knows(self, change: PlannedChange) -> bool:
        """Whether this shard has the service: every shard reads every directive."""
        return any(service == change.service and change.model in (None, model) for service, model in
                   self._rows.services)


def _spread(part: SuiteScores, at: IntArray, like: SuiteScores) -> SuiteScores:
    """The scores of some windows of a block at their places; elsewhere those of `like`."""
    found = {}
    for name in SuiteScores.__slots__:
        cells = getattr(like, name).copy()
        cells[..., at] = getattr(part, name)
        found[name] = cells
    return SuiteScores(**found)

"""A plan with cheap detection: limits and absence, which need no seasons to learn, and few series."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from actions.playbooks.playbook import Match, Playbook, Step
from config import load
from detectors.banks.composite import Composite
from detectors.base import Block, BoolArray, FloatArray, IntArray
from detectors.ensemble.profile_table import ProfileTable
from detectors.ensemble.profiles import Profile
from detectors.ensemble.suite_scores import SuiteScores
from detectors.native.absence import Absence
from detectors.native.static_limits import StaticLimits, StaticLimitsParams
from detectors.suite import Suite, SuiteParams
from streams.planning import plan_of
from streams.shard.plan import Plan
from streams.windows.windower import WindowParams

HIGH_MS = 300.0
"""A request that takes longer is too slow."""
BREAKER = Playbook(
    "cut", 1, Match(scopes=("replica",)), "auto", (Step("circuit_breaker", "{service}/{replica}"),), on_open=(),
    on_failure=(),
)


class CheapSuite(Suite):
    """Static limits and absence alone: a tenth of the time of the whole suite."""

    def __init__(self, params: SuiteParams, capacity: int) -> None:
        self.params = params
        self._profiles = ProfileTable(params.profiles, self.names, capacity)
        self._static = StaticLimits(StaticLimitsParams(), capacity)
        self._absence = Absence(replace(params.absence, window_s=params.window_s), capacity)
        Composite.__init__(self, {"absence": self._absence})

    def score(self, block: Block) -> SuiteScores:
        found = self._static.score(block)
        return SuiteScores(
            found.level, np.zeros(len(block), np.intp), found.direction, found.expected, found.level[np.newaxis],
            block.start_s, block.end_s - block.start_s, found.raw, found.level,
        )

    def observe(self, block: Block) -> None:
        self._absence.observe(block)

    def learn(self, block: Block, keep: BoolArray | None = None) -> None:
        """Nothing to learn."""

    def young(self, rows: IntArray) -> BoolArray:
        return np.zeros(len(rows), np.bool_)

    def is_warm(self, rows: IntArray) -> BoolArray:
        return np.ones(len(rows), np.bool_)

    def exhausted_s(self, rows: IntArray, now_s: float) -> FloatArray:  # noqa: ARG002
        return np.full(len(rows), np.nan)

    def _invalidate(self) -> None:
        """Nothing is kept for the calls that follow."""


@dataclass(frozen=True, slots=True)
class CheapSuiteParams(SuiteParams):
    """Builds a `CheapSuite`."""

    def build(self, capacity: int) -> Suite:
        return CheapSuite(self, capacity)


@cache
def supply_plan(sources: tuple[str, ...], configuration: int = 0) -> Plan:
    """The plan of the simulated owners. configuration: owners with another number refuse the snapshots of this one."""
    plan = plan_of(load(None, {}))
    return replace(
        plan,
        sources={source: number == 0 for number, source in enumerate(sources)},
        windows=WindowParams(min_count=1, max_wait_s=1.0),
        scopes=replace(plan.scopes, marginals=("replica",), max_series=64, max_scopes=64),
        suite=CheapSuiteParams(profiles=(
            Profile("limits", "latency_ms", high=HIGH_MS, detectors=()), Profile("presence", ".*", detectors=()),
        )),
        decisions=replace(plan.decisions, playbooks=(BREAKER,)),
        state_hash=f"state-{configuration}",
        config_hash=f"config-{configuration}",
        inputs={},
    )

"""Short hashes of the parameters that a shard learns by, computed once for a shard. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from hashlib import sha256

from detectors.ensemble.learned_by import learned_as, learned_by
from detectors.ensemble.suite_params import SuiteParams
from streams.shard.plan import Plan

_UNSCORED = "unscored"


class Fingerprints:
    """Of a plan and the parameters of its suite. Memory: a text for each metric and profile that is asked for."""

    def __init__(self, plan: Plan, params: SuiteParams) -> None:
        self._plan = plan
        self._params = params
        self._of_row: dict[tuple[int, str], str] = {}

    @cached_property
    def parts(self) -> Mapping[str, str]:
        """By part of the suite's state."""
        return {name: hash_of(text) for name, text in learned_by(self._params).items()}

    @cached_property
    def tables(self) -> str:
        """Of how windows and scopes are cut."""
        return tables_hash(self._plan)

    def of_row(self, profile: int, metric: str) -> str:
        """Of a row by the number of its profile, -1 for one that is not scored, and its metric."""
        key = profile, metric
        if key not in self._of_row:
            learned = _UNSCORED if profile < 0 else learned_as(self._params.profiles[profile])
            self._of_row[key] = hash_of(learned, self._plan.statistic_of(metric))
        return self._of_row[key]


def tables_hash(plan: Plan) -> str:
    """Changes when windows or scopes are cut otherwise, so that the series are others."""
    return hash_of(plan.windows.size_s, plan.windows.rate_metric, plan.scopes.marginals, plan.scopes.hashed)


def hash_of(*parts: object) -> str:
    """12 hexadecimal digits."""
    return sha256(repr(parts).encode()).hexdigest()[:12]

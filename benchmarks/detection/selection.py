"""The candidates that a data set is run with, by name: ours, and the baselines."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.detection import baselines, river_baselines
from benchmarks.detection.candidate import REFRACTORY, Baseline, CachedBaseline, Candidate, SuiteCandidate

GATED = ", gated"
"""Suffix of the baselines that differ from another one in their alarm score only."""
DEFAULT_SUITE = "benchmarks.detection.candidate:default_suite"


def cheap() -> list[Candidate]:
    """Baselines that run in seconds."""
    return [
        Baseline("windowed Gaussian", baselines.windowed_gaussian),
        Baseline("range novelty", baselines.range_novelty),
        Baseline("EWMA z .03", baselines.ewma_z),
        Baseline("running |z|", baselines.running_z),
        Baseline(f"running |z|{GATED}", baselines.running_z, REFRACTORY),
    ]


def slow(cache: Path | None) -> list[Candidate]:
    """Baselines that run for minutes, from the cache where they have run before."""
    plain = [
        Baseline("median/MAD 256 .05", partial(baselines.median_mad, floor=0.05)),
        Baseline("median/MAD 256 .3", partial(baselines.median_mad, floor=0.3)),
        Baseline(f"median/MAD 256 .3{GATED}", partial(baselines.median_mad, floor=0.3), REFRACTORY),
        Baseline("river Gaussian, as shipped", river_baselines.gaussian),
        Baseline("river ADWIN", river_baselines.adwin),
        Baseline("river Page-Hinkley", river_baselines.page_hinkley),
        Baseline("river half-space trees", river_baselines.half_space_trees),
        Baseline("river KSWIN", river_baselines.kswin),
    ]
    return [CachedBaseline(one, cache) for one in plain]


def suite(path: str = DEFAULT_SUITE) -> SuiteCandidate:
    """What ``module:function`` makes; raises `ValueError` when it is no suite."""
    module, _, function = path.partition(":")
    made = getattr(importlib.import_module(module), function)()
    if not isinstance(made, SuiteCandidate):
        raise ValueError(f"--suite {path}: got {type(made).__name__}; expected a function that makes a SuiteCandidate")
    return made


def parser(about: str) -> argparse.ArgumentParser:
    """The arguments that all data sets share."""
    made = argparse.ArgumentParser(description=about)
    made.add_argument("--data", type=Path, required=True, help="folder with the data sets")
    made.add_argument("--only", default="", help="run candidates whose name contains this")
    made.add_argument("--cache", type=Path, default=None, help="folder that keeps the scores of slow baselines")
    made.add_argument("--fast", action="store_true", help="without the baselines that take minutes")
    made.add_argument("--suite", action="append", help="module:function that makes a SuiteCandidate; may be repeated")
    made.add_argument("--files", action="store_true", help="by series too")
    return made


def chosen(options: argparse.Namespace) -> Sequence[Candidate]:
    """The candidates that the arguments name, ours first."""
    found = [*map(suite, options.suite or [DEFAULT_SUITE]), *cheap(), *([] if options.fast else slow(options.cache))]
    return [one for one in found if options.only in one.name]


def distinct(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Without those that differ in their alarm score only, for data sets that use the score."""
    return [one for one in candidates if not one.name.endswith(GATED)]

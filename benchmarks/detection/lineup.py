"""The subjects a set is run with, by name: ours, and the baselines beside it."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.detection import baselines, river_baselines
from benchmarks.detection.subject import REFRACTORY, Cached, Plain, Subject, SuiteSubject

GATED = ", gated"
"""Ends the names of baselines that differ from others in their alarm score alone."""
DEFAULT_SUITE = "benchmarks.detection.subject:default_suite"


def cheap() -> list[Subject]:
    """Baselines of seconds."""
    return [
        Plain("windowed Gaussian", baselines.windowed_gaussian),
        Plain("range novelty", baselines.range_novelty),
        Plain("EWMA z .03", baselines.ewma_z),
        Plain("running |z|", baselines.running_z),
        Plain(f"running |z|{GATED}", baselines.running_z, REFRACTORY),
    ]


def slow(cache: Path | None) -> list[Subject]:
    """Baselines of minutes, from the cache where they have run before."""
    plain = [
        Plain("median/MAD 256 .05", partial(baselines.median_mad, floor=0.05)),
        Plain("median/MAD 256 .3", partial(baselines.median_mad, floor=0.3)),
        Plain(f"median/MAD 256 .3{GATED}", partial(baselines.median_mad, floor=0.3), REFRACTORY),
        Plain("river Gaussian, as shipped", river_baselines.gaussian),
        Plain("river ADWIN", river_baselines.adwin),
        Plain("river Page-Hinkley", river_baselines.page_hinkley),
        Plain("river half-space trees", river_baselines.half_space_trees),
        Plain("river KSWIN", river_baselines.kswin),
    ]
    return [Cached(one, cache) for one in plain]


def suite(path: str = DEFAULT_SUITE) -> SuiteSubject:
    """What ``module:function`` makes; raises `ValueError` when it is no suite."""
    module, _, function = path.partition(":")
    made = getattr(importlib.import_module(module), function)()
    if not isinstance(made, SuiteSubject):
        raise ValueError(f"--suite {path}: got {type(made).__name__}; expected a function that makes a SuiteSubject")
    return made


def parser(about: str) -> argparse.ArgumentParser:
    """The arguments that all sets share."""
    made = argparse.ArgumentParser(description=about)
    made.add_argument("--data", type=Path, required=True, help="folder with the sets")
    made.add_argument("--only", default="", help="run subjects whose name contains this")
    made.add_argument("--cache", type=Path, default=None, help="folder that keeps the scores of slow baselines")
    made.add_argument("--fast", action="store_true", help="without the baselines that take minutes")
    made.add_argument("--suite", action="append", help="module:function that makes a SuiteSubject; may be repeated")
    made.add_argument("--files", action="store_true", help="by series too")
    return made


def chosen(options: argparse.Namespace) -> Sequence[Subject]:
    """The subjects that the arguments ask for, ours first."""
    found = [*map(suite, options.suite or [DEFAULT_SUITE]), *cheap(), *([] if options.fast else slow(options.cache))]
    return [one for one in found if options.only in one.name]


def distinct(subjects: Sequence[Subject]) -> list[Subject]:
    """Without those that differ in their alarm score alone, for sets that read the other."""
    return [one for one in subjects if not one.name.endswith(GATED)]

"""What a window costs: microseconds and bytes per series, of each detector and of the default ensembles.

Blocks of 1 to 10,000 rows, each row past its warm-up, windows of 20 samples, of one where samples come pre-aggregated;
the cost of one block is score and learn (and `observe`, for the suite), the median of several. One core; read the
figures as ratios, the machine may be shared.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.detection import selection
from benchmarks.detection.candidate import SuiteCandidate, sample_block
from detectors.base import Block, Detector, IntArray, State
from detectors.catalogue import ON_RESIDUALS, ON_VALUES
from detectors.check_cases import InFrame
from detectors.checks import feed
from detectors.ensemble.profiles import ENSEMBLES, Sampling
from detectors.maxima.block_maxima import BlockMaxima
from detectors.suite import Suite

ROWS = (1, 50, 200, 1000, 10_000)
_WARM = 280
_SAMPLES = 20.0


def blocks(rng: np.random.Generator, rows: int, count: int, mean: float, sampling: Sampling) -> list[Block]:
    """Windows of normal samples, one block a second."""
    at: IntArray = np.arange(rows)
    made = []
    for second in range(count):
        value = rng.normal(mean, 1.0, rows)
        start_s = np.full(rows, float(second))
        if sampling == "pre_aggregated":
            made.append(sample_block(at, start_s, start_s + 1.0, value))
        else:
            samples, std = np.full(rows, _SAMPLES), np.full(rows, 4.0)
            made.append(Block(at, start_s, start_s + 1.0, value, samples, std, value - 8, value + 8))
    return made


def timed(step: Callable[[Block], None], made: list[Block]) -> float:
    """Microseconds per window and series, the median over the blocks past the warm-up."""
    took: list[float] = []
    for block in made:
        began_s = time.perf_counter()
        step(block)
        took.append(time.perf_counter() - began_s)
    return 1e6 * float(np.median(took[_WARM:])) / len(made[0])


def bytes_of(state: State, rows: int) -> float:
    """Bytes a row of a snapshot."""
    return sum(cells.nbytes for cells in state.values()) / rows


def bank_cost(name: str, rows: int, measured: int) -> tuple[float, float]:
    """(us, bytes) of one detector alone."""
    made = (ON_VALUES | ON_RESIDUALS)[name]().build(rows)
    bank: Detector = InFrame(made, rows) if isinstance(made, BlockMaxima) else made

    def step(block: Block) -> None:
        bank.score(block)
        feed(bank, block)

    mean = 100.0 if name in ON_VALUES else 0.0
    took = timed(step, blocks(np.random.default_rng(1), rows, _WARM + measured, mean, "per_request"))
    return took, bytes_of(bank.snapshot(np.arange(rows)), rows)


def suite_cost(candidate: SuiteCandidate, sampling: Sampling, rows: int, measured: int) -> tuple[float, float]:
    """(us, bytes) of the ensemble of a sampling kind."""
    suite = Suite(candidate.params.sampled(sampling), rows)
    suite.assign(np.arange(rows), candidate.profile)

    def step(block: Block) -> None:
        suite.score(block)
        suite.observe(block)
        suite.learn(block)

    took = timed(step, blocks(np.random.default_rng(1), rows, _WARM + measured, 100.0, sampling))
    return took, bytes_of(suite.snapshot(np.arange(rows)), rows)


def main() -> int:
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--rows", type=int, nargs="+", default=list(ROWS))
    made.add_argument("--blocks", type=int, default=64, help="blocks measured, past the warm-up")
    made.add_argument("--only", default="", help="lines whose name contains this")
    made.add_argument("--suite", default=selection.DEFAULT_SUITE, help="module:function that makes the SuiteCandidate")
    options = made.parse_args()
    candidate = selection.suite(options.suite)
    lines: dict[str, Callable[[int, int], tuple[float, float]]] = {
        f"ensemble, {sampling}": partial(suite_cost, candidate, sampling) for sampling in ENSEMBLES
    }
    lines |= {name: partial(bank_cost, name) for name in (*ON_VALUES, *ON_RESIDUALS)}
    print("us per window and series, by rows in a block")
    print(f"{'':26s}" + "".join(f"{rows:>10,d}" for rows in options.rows) + "   bytes a series")
    for name, cost in lines.items():
        if options.only in name:
            costs = [cost(rows, options.blocks) for rows in options.rows]
            print(f"{name:26s}" + "".join(f"{took:10.2f}" for took, _ in costs) + f"{costs[-1][1]:13.0f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

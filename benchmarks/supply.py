"""Many seeds of the simulated supply: real shards, ticks and ownership under faults, and what was violated.

`python -m benchmarks.supply [--seeds 10000] [--first 0] [--jobs N] [--kinds kill,freeze,...]`. Each seed is a small
world of `tests/simulation/supply`. A violation is printed with its seed; `--seeds 1 --first SEED` runs it again.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.simulation.supply.runs import judge
from tests.simulation.supply.world import KINDS

CHUNK = 50


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, and answer 1 where anything was violated."""
    parser = argparse.ArgumentParser(prog="benchmarks.supply", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--kinds", default=",".join(KINDS), help="faults of the supply, by name")
    options = parser.parse_args(arguments)
    began_s, found = time.monotonic(), Counter[str]()
    kinds = tuple(kind for kind in options.kinds.split(",") if kind)
    seeds = range(options.first, options.first + options.seeds)
    for seed, violations in _judged(seeds, kinds, options.jobs):
        for violation in violations:
            found[violation.partition(":")[0]] += 1
            print(f"seed {seed}: {violation[:400]}", flush=True)
    spent_s = time.monotonic() - began_s
    per_minute = 60.0 * options.seeds / spent_s
    print(f"{options.seeds:,} seeds in {spent_s:.0f} s, {per_minute:,.0f} a minute: {dict(found) or 'no violation'}")
    return 1 if found else 0


def _judged(seeds: Sequence[int], kinds: Sequence[str], jobs: int) -> Iterator[tuple[int, list[str]]]:
    judge_one = partial(judge, kinds=kinds)
    if jobs == 1:
        yield from zip(seeds, map(judge_one, seeds), strict=True)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from zip(seeds, pool.map(judge_one, seeds, chunksize=min(CHUNK, -(-len(seeds) // jobs))), strict=True)


if __name__ == "__main__":
    sys.exit(main())

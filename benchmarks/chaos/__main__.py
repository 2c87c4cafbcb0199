"""Chaos on a real Kafka: `python -m benchmarks.chaos --seconds 300 --seed 1 --faults worker-kill,broker-stop`.

Two workers read some 300 records a second of four services. At times one replica of one service is really slow, and
once a service is really silent for 20 s; nothing else is wrong. Meanwhile the supply of Tocsin breaks as `--faults`
says. The last `--tail` seconds are free of faults. Then everything that was published is judged: see `checkers.py`.
Exit code 0 when every rule held, 1 when not, 2 when the run is not possible here. Logs and `result.json` stay in the
folder that is printed. The same seed, seconds, faults, tail and rate give the same plan.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.chaos.checkers import CHECKERS
from benchmarks.chaos.engine import Run
from benchmarks.chaos.plan import KINDS, Plan, make_plan
from benchmarks.chaos.supply.clock import ClockMissing, library
from benchmarks.chaos.supply.disk import DiskMissing, small_disk
from tests.kafka.brokers import KafkaMissing, find_jars, find_java

DEFAULT = ("worker-kill", "worker-stop", "broker-kill", "network-cut", "poison", "target-slow")
console = Console(width=None if sys.stdout.isatty() else 200, markup=False, highlight=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one plan after the other, one for each seed, and print what broke which rule."""
    parser = argparse.ArgumentParser(prog="benchmarks.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0, help="length of the part with faults")
    parser.add_argument("--tail", type=float, default=40.0, help="seconds without faults after it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, from --seed on")
    parser.add_argument("--rate", type=float, default=300.0, help="records a second")
    parser.add_argument("--faults", default=",".join(DEFAULT), help=f"all, or some of {', '.join(KINDS)}")
    parser.add_argument("--out", type=Path, help="folder for logs and results")
    options = parser.parse_args(arguments)
    kinds = tuple(KINDS) if options.faults == "all" else tuple(filter(None, options.faults.split(",")))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing that was started outlives the run
    out = options.out or Path(tempfile.mkdtemp(prefix="tocsin-chaos-"))
    try:
        find_java()
        find_jars()
        if any(out.glob("seed-*")):
            raise ValueError(f"{out} has an earlier run; expected a new folder")
        if "clock-step" in kinds:
            library()
        if "disk-full" in kinds:
            with small_disk(out / "try"):
                pass
        plans = [
            make_plan(seed, options.seconds, kinds, options.tail, options.rate)
            for seed in range(options.seed, options.seed + options.seeds)
        ]
    except (KafkaMissing, ClockMissing, DiskMissing, ValueError) as error:
        console.print(f"cannot run: {error}")
        return 2
    failed = [plan for plan in plans if not _run(plan, out / f"seed-{plan.seed}")]
    for plan in failed:
        console.print(f"FAILED: {plan.command}")
    return 1 if failed else 0


def _run(plan: Plan, folder: Path) -> bool:
    console.print(f"{plan.command}\nlogs: {folder}")
    try:
        found = Run(plan, folder, console.print).run()
    except Exception:  # the other seeds are run all the same
        console.print_exception()
        return False
    console.print("  ".join(f"{name} {len(found[name])}" for name in CHECKERS))
    for name, texts in found.items():
        for text in texts:
            console.print(f"{name}: {text}")
    return not any(found.values())


if __name__ == "__main__":
    sys.exit(main())

"""Kills of all roles on a real Kafka: `python -m benchmarks.kills --kills 200 --seconds 900 --seed 1`.

Two processes of each role (watch, execute, respond) with keys of their own. Replicas are slow one after the other; each
is throttled by itself, which does not help, and a breaker is suggested, which people approve or reject over HTTP. The
gateway is strict, and at times it fails, is slow, or changes something and does not answer. Meanwhile processes are
killed at random, some at the moment of their call, some stopped so long that they go on as former owners; records of
input and intents come twice. After a quiet time everything is judged: see `account.py`. With `--kills 0` nothing fails,
and `executed_after_ms` is how long it takes from a decision to its outcome. Exit code 0 when every rule held, 1 when
not, 2 when the run is not possible here. The same seed gives the same kills, as far as times allow.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.kills.engine import Run
from tests.kafka.brokers import KafkaMissing, find_jars, find_java


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, and print what broke which rule."""
    parser = argparse.ArgumentParser(prog="benchmarks.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=900.0, help="in which the kills are spread")
    parser.add_argument("--quiet", type=float, default=300.0, help="seconds after them until nothing may be under way")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=150.0, help="records a second")
    parser.add_argument("--out", type=Path, help="folder for logs and results")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing that was started outlives the run
    try:
        find_java()
        find_jars()
    except KafkaMissing as error:
        print(f"cannot run: {error}")
        return 2
    out = options.out or Path(tempfile.mkdtemp(prefix="tocsin-kills-"))
    print(f"logs: {out}", flush=True)
    found = Run(
        options.seed, options.kills, options.seconds, options.quiet, options.rate, out,
        lambda text: print(text, flush=True),
    ).run()
    print("  ".join(f"{name} {len(each)}" for name, each in found.items()))
    for name, texts in found.items():
        for text in texts:
            print(f"{name}: {text}")
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())

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

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.kills.command import options_of, print_found
from benchmarks.kills.engine import Run
from tests.kafka.brokers import KafkaMissing, find_jars, find_java


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, and print what broke which rule."""
    options = options_of("benchmarks.kills", __doc__, arguments, seconds=900.0, rate=150.0, rate_of="records")
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
    return print_found(found)


if __name__ == "__main__":
    sys.exit(main())

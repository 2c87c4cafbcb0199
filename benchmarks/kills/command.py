"""What the commands of the kills share: their options, and how they print which rules were broken."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path


def options_of(
    prog: str, description: str | None, arguments: Sequence[str] | None, *, seconds: float, rate: float, rate_of: str,
) -> argparse.Namespace:
    """The options of a run. seconds, rate: by default. rate_of: what comes so often a second.

    From then on the process ends in order when it is terminated, so that nothing that was started outlives the run.
    """
    parser = argparse.ArgumentParser(prog=prog, description=description)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=seconds, help="in which the kills are spread")
    parser.add_argument("--quiet", type=float, default=300.0, help="seconds after them until nothing may be under way")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=rate, help=f"{rate_of} a second")
    parser.add_argument("--out", type=Path, help="folder for logs and results")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    return options


def print_found(found: Mapping[str, Sequence[str]]) -> int:
    """Print what broke which rule; returns the exit code, 0 when every rule held."""
    print("  ".join(f"{name} {len(each)}" for name, each in found.items()))
    for name, texts in found.items():
        for text in texts:
            print(f"{name}: {text}")
    return 1 if any(found.values()) else 0

"""The checkout as the house tests see it."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("streams", "config", "actions", "classifiers", "detectors")


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that is in the repository or about to be, relative to its root."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True)
    return tuple(sorted(Path(line) for line in done.stdout.splitlines() if (ROOT / line).is_file()))


def sources() -> tuple[Path, ...]:
    """The Python files among them."""
    return tuple(path for path in tracked() if path.suffix == ".py")

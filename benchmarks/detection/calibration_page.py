"""The page on calibration in `docs/`, and the stored figures it is made of, so that a long run may be done in parts.

Stored by expected interval, detector set and shape: the alarms, and the windows in which they were counted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from benchmarks.detection.observed import Observed
from benchmarks.markdown import markdown

PAGE = Path(__file__).parents[2] / "docs" / "calibration.md"
KEPT = Path(__file__).with_name("calibration.json")

Kept = dict[str, dict[str, dict[str, Observed]]]
"""By expected interval (windows, as text), detector set, shape."""

_MARKS = {"right": "", "unsure": " ?", "too often": " !", "too seldom": " !"}


def read_kept(path: Path) -> Kept:
    """The stored figures; empty where there is no file."""
    if not path.exists():
        return {}
    stored = json.loads(path.read_text())
    return {
        every: {
            name: {shape: Observed(**cell) for shape, cell in cells.items()} for name, cells in detector_sets.items()
        }
        for every, detector_sets in stored.items()
    }


def write_kept(path: Path, kept: Kept) -> None:
    """All of it, as JSON."""
    plain = {
        every: {name: {shape: asdict(one) for shape, one in cells.items()} for name, cells in detector_sets.items()}
        for every, detector_sets in sorted(kept.items(), key=lambda item: float(item[0]))
    }
    path.write_text(json.dumps(plain, indent=1) + "\n")


def page(kept: Kept) -> str:
    """The page, as Markdown."""
    return "\n".join(_lines(kept)) + "\n"


def _lines(kept: Kept) -> Iterator[str]:
    yield "# False alarms: expected and observed"
    yield ""
    yield "Written by `python -m benchmarks.detection.calibration --publish`; do not edit."
    yield ""
    yield (
        "Windows between two false alarms of one series, on stationary streams in which every alarm is false, after "
        "warm-up (2,000 windows, or a quarter of the expected interval). Both ensembles, then each detector alone with "
        "the whole budget. A figure is right within a factor of 2 of the expected interval. `?` is outside, but not "
        "surely (95 %), because there were few alarms; `!` is surely outside."
    )
    yield ""
    yield (
        "A height that is passed once in so many windows cannot be estimated from a fraction of them. The longer the "
        "budget and the heavier the tail, the larger the uncertainty, until a row has lived its budget; from then on "
        "the budget is corrected by the alarms that came. A profile for one direction raises half of these alarms."
    )
    for every, detector_sets in sorted(kept.items(), key=lambda item: float(item[0])):
        expected = float(every)
        cells = [one for detector_set in detector_sets.values() for one in detector_set.values()]
        right = sum(one.verdict(expected) == "right" for one in cells)
        yield from ("", f"## Expected: one in {expected:,.0f} windows", "", f"{right} of {len(cells)} right.", "")
        yield _table(detector_sets, expected)


def _table(detector_sets: Mapping[str, Mapping[str, Observed]], expected: float) -> str:
    shapes = list(next(iter(detector_sets.values())))
    lines = [[name, *(_cell(cells[shape], expected) for shape in shapes)] for name, cells in detector_sets.items()]
    return markdown(["observed", *shapes], *lines)


def _cell(one: Observed, expected: float) -> str:
    interval = f"{one.interval:,.0f}" if one.alarms else f"none in {one.windows:,}"
    return interval + _MARKS[one.verdict(expected)]

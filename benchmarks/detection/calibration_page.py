"""The page on calibration in `docs/`, and the figures it is made of: kept, so that a long run may come in parts.

Kept by asked interval, line-up and shape: the alarms, and the windows they were counted over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from benchmarks.detection.observed import Observed
from benchmarks.markdown import markdown

PAGE = Path(__file__).parents[2] / "docs" / "detection.md"
KEPT = Path(__file__).with_name("calibration.json")

Kept = dict[str, dict[str, dict[str, Observed]]]
"""By asked interval (windows, as text), line-up, shape."""

_MARKS = {"right": "", "unsure": " ?", "too often": " !", "too seldom": " !"}


def read_kept(path: Path) -> Kept:
    """What was measured before; nothing where there is no file."""
    if not path.exists():
        return {}
    stored = json.loads(path.read_text())
    return {
        every: {name: {shape: Observed(**cell) for shape, cell in cells.items()} for name, cells in line_ups.items()}
        for every, line_ups in stored.items()
    }


def write_kept(path: Path, kept: Kept) -> None:
    """All of it, as JSON."""
    plain = {
        every: {name: {shape: asdict(one) for shape, one in cells.items()} for name, cells in line_ups.items()}
        for every, line_ups in sorted(kept.items(), key=lambda item: float(item[0]))
    }
    path.write_text(json.dumps(plain, indent=1) + "\n")


def page(kept: Kept) -> str:
    """The page, as Markdown."""
    return "\n".join(_lines(kept)) + "\n"


def _lines(kept: Kept) -> Iterator[str]:
    yield "# How often detection alarms for nothing"
    yield ""
    yield "Written by `python -m benchmarks.detection.calibration --publish`; do not edit."
    yield ""
    yield (
        "Asked and observed windows between false alarms of one series, on stationary streams in which every alarm is "
        "false, after warm-up (2,000 windows, or a quarter of what is asked). Both ensembles, then each detector alone "
        "with the whole budget. Right is within a factor of 2 of what was asked. `?` is outside of that, but too near "
        "for so few alarms to be sure (95 %); `!` is surely outside."
    )
    yield ""
    yield (
        "What comes once in so many windows is not told by a fraction of them: the longer the budget and the heavier "
        "the tail, the less is certain until a row has lived it; after that it is corrected by what came. A profile "
        "that minds one direction only hears half of these alarms."
    )
    for every, line_ups in sorted(kept.items(), key=lambda item: float(item[0])):
        asked = float(every)
        cells = [one for line_up in line_ups.values() for one in line_up.values()]
        right = sum(one.verdict(asked) == "right" for one in cells)
        yield from ("", f"## Asked: one in {asked:,.0f} windows", "", f"{right} of {len(cells)} right.", "")
        yield _table(line_ups, asked)


def _table(line_ups: Mapping[str, Mapping[str, Observed]], asked: float) -> str:
    shapes = list(next(iter(line_ups.values())))
    lines = [[name, *(_cell(cells[shape], asked) for shape in shapes)] for name, cells in line_ups.items()]
    return markdown(["observed", *shapes], *lines)


def _cell(one: Observed, asked: float) -> str:
    interval = f"{one.interval:,.0f}" if one.alarms else f"none in {one.windows:,}"
    return interval + _MARKS[one.verdict(asked)]

"""Compares the figures of detection with the accepted ones; exits 1 on a regression.

`python -m benchmarks.compare` replays the recordings and some ordinary days and checks calibration, all from this
repository alone; with ``--data DIR`` it also runs the public sets. `accepted.json` holds for each metric the accepted
value, which direction is better and the tolerance. ``--accept`` writes the measured values there: do it in the commit
that changes them, and give the reason. Cost is not compared; it depends on the machine.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import isfinite, log2, nan
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks.accuracy import PHASES, RECORDINGS, judge
from benchmarks.detection import calibration, microsoft, nab, vus
from benchmarks.detection.candidate import default_suite
from benchmarks.detection.series import read_microsoft, read_nab
from benchmarks.ordinary.draw import Selection, cells
from benchmarks.ordinary.figures import Rates, Recall, overall
from benchmarks.ordinary.judge import judge as judge_day
from config import load
from streams.planning import plan_of

Better = Literal["higher", "lower"]
ACCEPTED = Path(__file__).with_name("accepted.json")
_RECORDED: dict[str, tuple[Better, float]] = {
    "found": ("higher", 0.0), "false per 10 min": ("lower", 0.1), "delay s": ("lower", 0.25), "scope": ("higher", 0.05),
}
_ORDINARY: dict[str, tuple[Better, float]] = {
    "pages in 1,000 service-hours": ("lower", 0.0), "notes a service-day": ("lower", 2.0), "paged": ("higher", 0.0),
    "scope right": ("higher", 0.0), "delay s": ("lower", 1.0),
}
_EVERY = 2_000.0
_ROWS = 16
_WINDOWS = 8_000


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured or accepted value. tolerance: how far it may fall behind, in its own unit; None is no value."""

    value: float | None
    better: Better
    tolerance: float

    def holds(self, now: float | None) -> bool:
        """Whether a value measured now is not worse than this one by more than the tolerance."""
        if self.value is None or now is None:
            return self.value is None
        behind = self.value - now if self.better == "higher" else now - self.value
        return behind <= self.tolerance + 1e-9


def from_recordings() -> Iterator[tuple[str, Figure]]:
    """Both recordings through the shipped configuration, over several cuts into windows; see `benchmarks.accuracy`."""
    plan = plan_of(load(None, {}))
    for folder in RECORDINGS:
        whole = judge(folder, plan, PHASES)[-1]
        values = (
            whole.found / whole.events, whole.false_per_10min, nan if whole.delay_s is None else whole.delay_s,
            whole.scope_right / whole.found if whole.found else nan,
        )
        for (name, (better, tolerance)), value in zip(_RECORDED.items(), values, strict=True):
            yield f"recordings/{folder.name}/{name}", _figure(value, better, tolerance)


def from_calibration() -> Iterator[tuple[str, Figure]]:
    """The factor by which the ensembles' interval is longer or shorter than expected, by shape; 1 is exact."""
    for detector_set in calibration.detector_sets("ensemble"):
        by_shape = calibration.observe(default_suite(), detector_set, _EVERY, _ROWS, _WINDOWS, seed=1)
        for shape, observed in by_shape.items():
            # Half an alarm stands for none.
            interval = observed.windows / max(observed.alarms, 0.5)
            factor = 2 ** abs(log2(interval / _EVERY))
            yield f"calibration/{detector_set.sampling}/{shape}", _figure(factor, "lower", 0.5)


def from_ordinary() -> Iterator[tuple[str, Figure]]:
    """Two kinds of short ordinary days, healthy and with faults; see `benchmarks.ordinary`."""
    plan = plan_of(load(None, {}))
    judged = [judge_day(plan, cell) for cell in cells(Selection(size="smoke"))]
    found = Recall.of([fault for one in judged for fault in one.found])
    whole = overall(Rates.of([one.healthy for one in judged]), found)
    for name, (better, tolerance) in _ORDINARY.items():
        value = whole[name]
        yield f"ordinary/{name}", _figure(nan if value is None else value, better, tolerance)


def from_sets(data: Path) -> Iterator[tuple[str, Figure]]:
    """The public sets."""
    candidate, series = default_suite(), read_nab(data)
    nab.trusted(series)
    results = candidate.run(series)
    for name, value in nab.figures(series, [result.alarm for result in results]).items():
        if not name.endswith((" low", " high")):
            yield f"nab/{name}", _figure(value, "higher", 1.0)
    yield "nab/VUS-PR", _figure(float(np.mean(list(vus.figures(series, results).values()))), "higher", 0.01)
    series = read_microsoft(data)
    for part, found in microsoft.figures(series, candidate.run(series)).items():
        for name, value in found.items():
            yield f"microsoft/{part}/{name}", _figure(value, "higher", 0.01)


def _figure(value: float, better: Better, tolerance: float) -> Figure:
    return Figure(round(value, 4) if isfinite(value) else None, better, tolerance)


def read_accepted(path: Path) -> dict[str, Figure]:
    """By metric, what was accepted; raises `ValueError` naming the metric when an entry is not of the shape."""
    found: dict[str, Figure] = {}
    for name, entry in json.loads(path.read_text()).items():
        try:
            found[name] = Figure(**entry)
        except TypeError as error:
            raise ValueError(f"{path.name}: {name}: got {entry}; expected value, better, tolerance") from error
        if found[name].better not in ("higher", "lower"):
            raise ValueError(f"{path.name}: {name}: got better={found[name].better!r}; expected higher or lower")
    return found


def regressions(accepted: Mapping[str, Figure], measured: Mapping[str, Figure]) -> list[str]:
    """Metrics that fell behind, or that their group was measured without. Groups not measured are not judged."""
    groups = {_group(name) for name in measured}
    return [
        name for name, figure in accepted.items()
        if _group(name) in groups and not (name in measured and figure.holds(measured[name].value))
    ]


def updated(accepted: Mapping[str, Figure], measured: Mapping[str, Figure]) -> dict[str, Figure]:
    """The measured values with the accepted directions and tolerances; groups that were not measured stay."""
    groups = {_group(name) for name in measured}
    kept = {name: figure for name, figure in accepted.items() if _group(name) not in groups}
    fresh = {
        name: replace(accepted[name], value=figure.value) if name in accepted else figure
        for name, figure in measured.items()
    }
    return dict(sorted((kept | fresh).items()))


def _group(name: str) -> str:
    return name.partition("/")[0]


def table(accepted: Mapping[str, Figure], measured: Mapping[str, Figure], behind: Sequence[str]) -> Iterator[str]:
    """One line per metric."""
    yield f"{'metric':46s}{'accepted':>10s}{'now':>10s}  better, tolerance"
    for name in sorted(accepted.keys() | measured.keys()):
        old, new = accepted.get(name), measured.get(name)
        rule = measured[name] if old is None else old
        if name in behind:
            state = "REGRESSION"
        elif new is None:
            state = "not measured"
        else:
            state = "new" if old is None else ""
        yield f"{name:46s}{_cell(old):>10s}{_cell(new):>10s}  {rule.better}, {rule.tolerance:g}  {state}".rstrip()


def _cell(figure: Figure | None) -> str:
    return "-" if figure is None or figure.value is None else f"{figure.value:.3f}"


def main(arguments: Sequence[str] | None = None) -> int:
    made = argparse.ArgumentParser(prog="benchmarks.compare", description=__doc__)
    made.add_argument("--data", type=Path, default=None, help="folder with the public sets")
    made.add_argument("--accepted", type=Path, default=ACCEPTED)
    made.add_argument("--accept", action="store_true", help="write what is measured as accepted")
    options = made.parse_args(arguments)
    accepted = read_accepted(options.accepted) if options.accepted.exists() else {}
    measured = dict(from_recordings()) | dict(from_calibration()) | dict(from_ordinary())
    if options.data is not None:
        measured |= dict(from_sets(options.data))
    behind = regressions(accepted, measured)
    print("\n".join(table(accepted, measured, behind)))
    if options.accept:
        entries = {name: asdict(figure) for name, figure in updated(accepted, measured).items()}
        options.accepted.write_text(json.dumps(entries, indent=1) + "\n")
        print(f"accepted: {len(entries)} metrics in {options.accepted.name}")
        return 0
    print(f"regressions: {len(behind)}")
    return int(bool(behind))


if __name__ == "__main__":
    sys.exit(main())

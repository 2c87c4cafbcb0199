"""Does level 1.0 mean the false-alarm budget? Expected and observed false-alarm intervals on stationary streams.

Every alarm is false here. Rows of one shape run side by side, one sample per window; all shapes share a suite. Alarms
of a row that are at most 12 windows apart are one, as they would be in an incident; the share of alarming windows is
printed too. The first `SETTLE` windows, or a quarter of the expected interval if that is more, are warm-up and do not
count. The minimum deviation of the profile is switched off, so that only calibration is measured. The ensembles of both
sampling kinds are run, then each detector alone with the whole budget. A figure is right within a factor of 2 of the
expected interval; it is wrong only when its whole Poisson interval (95 %) lies outside. The seasonal detector needs
days, so it is run on windows of 5 minutes.

``--publish`` writes the page in `docs/` after each detector set, from the new figures and the stored ones of all other
sets (`calibration.json`). A full run takes an hour; ``--only`` and ``--every`` run a part of it. Budgets of more than
20,000 windows take long: 100,000 take about 7 minutes per ensemble.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.detection import selection
from benchmarks.detection.calibration_page import KEPT, PAGE, page, read_kept, write_kept
from benchmarks.detection.candidate import Learner, SuiteCandidate, sample_block
from benchmarks.detection.events import MERGE
from benchmarks.detection.observed import Observed
from detectors.base import BoolArray, FloatArray, IntArray
from detectors.ensemble.profiles import ENSEMBLES, Sampling
from detectors.suite import Suite, SuiteParams

SETTLE = 2000
_SETTLE_SHARE = 0.25
_COUNTED = 10_000
_NOT_LEARNED = ("static_limits", "token_burn")
_SEASON_WINDOW_S = 300.0
_CHUNK = 500

Draw = Callable[[np.random.Generator, int, int], FloatArray]
"""(windows, rows) independent values."""

INDEPENDENT: dict[str, Draw] = {
    "normal": lambda rng, n, rows: rng.normal(100.0, 10.0, (n, rows)),
    "lognormal .5": lambda rng, n, rows: rng.lognormal(4.0, 0.5, (n, rows)),
    "Student t3": lambda rng, n, rows: 100.0 + 10.0 * rng.standard_t(3.0, (n, rows)),
    "Poisson 5": lambda rng, n, rows: rng.poisson(5.0, (n, rows)).astype(np.float64),
    "neg. binomial": lambda rng, n, rows: rng.negative_binomial(2.0, 0.1, (n, rows)).astype(np.float64),
}
AUTOREGRESSIVE = {"AR(1) .5": 0.5, "AR(1) .8": 0.8}
SHAPES = (*INDEPENDENT, *AUTOREGRESSIVE)


def stream(rng: np.random.Generator, windows: int, rows: int) -> Iterator[FloatArray]:
    """By window, the values of all shapes side by side, `rows` of each in the order of `SHAPES`."""
    past = {name: rng.normal(0.0, 1.0, rows) for name in AUTOREGRESSIVE}
    for start in range(0, windows, _CHUNK):
        n = min(_CHUNK, windows - start)
        drawn = [draw(rng, n, rows) for draw in INDEPENDENT.values()]
        for name, phi in AUTOREGRESSIVE.items():
            noise = rng.normal(0.0, (1.0 - phi * phi) ** 0.5, (n, rows))
            for at in range(n):
                past[name] = noise[at] = phi * past[name] + noise[at]
            drawn.append(100.0 + 10.0 * noise)
        yield from np.concatenate(drawn, axis=1)


@dataclass(frozen=True, slots=True)
class DetectorSet:
    """The detectors that are run together (None: the ensemble of the sampling kind), on windows of so many seconds."""

    name: str
    sampling: Sampling
    detectors: tuple[str, ...] | None = None
    window_s: float = 1.0


def detector_sets(only: str = "") -> list[DetectorSet]:
    """Both ensembles, and each learned detector alone."""
    ensembles = [DetectorSet(f"ensemble, {kind}", kind) for kind in ENSEMBLES]
    alone = [
        DetectorSet(name, "pre_aggregated", (name,), _SEASON_WINDOW_S if name == "seasonal" else 1.0)
        for name in Suite.names if name not in _NOT_LEARNED
    ]
    return [one for one in (*ensembles, *alone) if only in one.name]


def suite_params(candidate: SuiteCandidate, detector_set: DetectorSet, every: float) -> SuiteParams:
    """The candidate's suite with only these detectors and a budget of one false alarm in `every` windows."""
    profile = replace(
        candidate.params.profiles[candidate.profile], min_abs=0.0, min_rel=0.0, sampling=detector_set.sampling,
        detectors=detector_set.detectors,
    )
    window_s = detector_set.window_s
    return replace(candidate.params, profiles=(profile,), window_s=window_s, false_alarm_every_s=every * window_s)


def settle(every: float) -> int:
    """Windows of warm-up for a budget of one false alarm in `every` windows."""
    return max(SETTLE, round(_SETTLE_SHARE * every))


def observe(
    candidate: SuiteCandidate, detector_set: DetectorSet, every: float, rows: int, windows: int, seed: int,
) -> dict[str, Observed]:
    """The alarms of the suite with these detectors after warm-up, by shape."""
    params = suite_params(candidate, detector_set, every)
    total = rows * len(SHAPES)
    suite = Suite(params, total)
    all_rows: IntArray = np.arange(total)
    suite.assign(all_rows, 0)
    learner = Learner(suite, total, candidate.relearn_after)
    last: IntArray = np.full(total, -MERGE - 1, dtype=np.intp)
    alarms, alarming_windows = np.zeros((2, total))
    warm = settle(every)
    for at, value in enumerate(stream(np.random.default_rng(seed), windows, rows)):
        start_s = np.full(total, at * params.window_s)
        scores = learner.step(sample_block(all_rows, start_s, start_s + params.window_s, value))
        alarming: BoolArray = scores.level >= 1.0
        if at >= warm:
            alarms += alarming & (at - last > MERGE)
            alarming_windows += alarming
        last[alarming] = at
    counted = rows * (windows - warm)
    sums = np.stack([alarms, alarming_windows]).reshape(2, len(SHAPES), rows).sum(axis=2)
    return {name: Observed(int(sums[0, at]), counted, int(sums[1, at])) for at, name in enumerate(SHAPES)}


def report_lines(detector_set: DetectorSet, observed: Mapping[str, Observed], every: float) -> Iterator[str]:
    """One line per shape."""
    for shape, one in observed.items():
        low, high = one.bounds()
        yield (f"  {detector_set.name:24s} {shape:14s} {one.interval:12,.0f} ({low:,.0f} .. {high:,.0f})"
               f"  x{one.interval / every:5.2f}  {one.verdict(every)}; alarming {one.alarming / one.windows:.3%}")


def publish(detector_set: DetectorSet, observed: dict[str, Observed], every: float) -> None:
    """Store these figures with the others and write the page; detector sets in their own order."""
    kept = read_kept(KEPT)
    fresh = kept.get(f"{every:g}", {}) | {detector_set.name: observed}
    kept[f"{every:g}"] = {one.name: fresh[one.name] for one in detector_sets() if one.name in fresh}
    write_kept(KEPT, kept)
    PAGE.write_text(page(kept))


def main() -> int:
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--every", type=float, nargs="+", default=[2_000.0, 20_000.0], help="expected intervals, windows")
    made.add_argument("--expect", type=float, default=40.0, help="false alarms per shape, more are more exact")
    made.add_argument("--windows", type=int, default=_COUNTED, help="per row, past the warm-up")
    made.add_argument("--only", default="", help="detector sets whose name contains this")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--publish", action="store_true", help="write the page in docs/")
    made.add_argument("--suite", default=selection.DEFAULT_SUITE, help="module:function that makes the SuiteCandidate")
    options = made.parse_args()
    candidate = selection.suite(options.suite)
    wrong = 0
    for every in options.every:
        rows, windows = max(8, round(options.expect * every / options.windows)), settle(every) + options.windows
        print(f"expected: one in {every:,.0f} windows; {rows} rows a shape, {windows} windows; observed (95 %)")
        for detector_set in detector_sets(options.only):
            observed = observe(candidate, detector_set, every, rows, windows, options.seed)
            wrong += sum(one.verdict(every).startswith("too") for one in observed.values())
            print("\n".join(report_lines(detector_set, observed, every)), flush=True)
            if options.publish:
                publish(detector_set, observed, every)
    print(f"wrong: {wrong}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())

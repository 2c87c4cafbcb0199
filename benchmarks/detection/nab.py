"""The suite and the baselines on the 58 series of the Numenta Anomaly Benchmark, by NAB's own scoring.

Three figures per profile: in-sample, as NAB publishes it (one threshold for all files, chosen on the labels it is
scored on); five-fold cross-validated over the files, mean and range over several seeds. All candidates are causal (see
the package); the published leaders of NAB get the minimum and maximum of each whole file, so they do not compare.

The scorer is checked before it is used: NAB's windowed Gaussian, from its formula, must earn the published 39.65, to
three digits. With ``--results DIR``, a folder of results that NAB stored, these are checked too: of Numenta's, the
scores by file that were stored with its repository come to the published 70.10 (`stored`), and credit and cost of
all eight alarms stored of one of its runs on realTraffic/speed_7578 are ours to 12 digits
(`tests/benchmarks/test_nab_scoring.py`).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.detection import baselines, selection
from benchmarks.detection.candidate import Candidate, SuiteCandidate
from benchmarks.detection.numenta import stored
from benchmarks.detection.numenta.scoring import PROFILES, cross_validated, in_sample, sweep
from benchmarks.detection.series import Series, read_nab
from detectors.base import FloatArray

PUBLISHED_GAUSSIAN = 39.65
_STORED_DIGITS = 12
"""The published run is scored from stored text of so many digits: what is nearer to 1 than that ties with it."""


def trusted(series: Sequence[Series]) -> float:
    """The score of the published windowed Gaussian here; raises `RuntimeError` where it is not the published figure."""
    scores = [np.round(baselines.windowed_gaussian(one.value), _STORED_DIGITS) for one in series]
    found = in_sample(series, scores)["standard"]
    if abs(found - PUBLISHED_GAUSSIAN) > 0.005:
        raise RuntimeError(f"NAB scorer: the windowed Gaussian earns {found:.3f}; expected {PUBLISHED_GAUSSIAN}")
    return found


def figures(series: Sequence[Series], *alarms: Sequence[FloatArray]) -> dict[str, float]:
    """By profile: in-sample, cross-validated mean, lowest and highest over the seeds; of several, of the best."""
    inside = [in_sample(series, one) for one in alarms]
    held_out = cross_validated(series, *alarms)
    found: dict[str, float] = {}
    for name in (weights.name for weights in PROFILES):
        found[name] = max(one[name] for one in inside)
        found[f"{name} cv"] = float(np.mean(held_out[name]))
        found[f"{name} cv low"], found[f"{name} cv high"] = min(held_out[name]), max(held_out[name])
    return found


def alarms_of(series: Sequence[Series], candidate: Candidate) -> list[FloatArray]:
    """The candidate's alarm scores by series."""
    return [result.alarm for result in candidate.run(series)]


def _print_row(name: str, found: dict[str, float], took_s: float) -> None:
    cells = (
        f"{found[n]:8.1f} | {found[n + ' cv']:5.1f} ({found[n + ' cv low']:4.1f}..{found[n + ' cv high']:4.1f})"
        for n in (weights.name for weights in PROFILES)
    )
    print(f"{name:28s}" + "".join(f"{cell:>28s}" for cell in cells) + f"   {took_s:7.1f}", flush=True)


def _print_files(series: Sequence[Series], alarms: Sequence[FloatArray]) -> None:
    """The score of each file, and its alarming rows outside of windows, at the threshold of the standard profile."""
    swept = sweep(series, alarms, PROFILES[0])
    threshold = swept.best_threshold()
    for one, score, earned in zip(series, alarms, swept.by_file(threshold), strict=True):
        false = int(np.count_nonzero((score >= threshold)[one.unscored:] & ~one.label()[one.unscored:]))
        print(f"    {one.name:60s} {earned:6.2f} of {len(one.windows)}, {false:4d} rows outside")


def main() -> int:
    made = selection.parser(__doc__ or "")
    made.add_argument("--results", type=Path, help="a detector's results as NAB stores them: only check these")
    options = made.parse_args()
    series = read_nab(options.data)
    print(f"scorer checked: published windowed Gaussian {PUBLISHED_GAUSSIAN}, here {trusted(series):.3f}")
    if options.results is not None:
        print("\n".join(stored.report(options.results, series)))
        return 0
    print(f"{len(series)} series, {sum(len(one.windows) for one in series)} windows; in-sample | five-fold CV (range)")
    print(f"{'candidate':28s}" + "".join(f"{weights.name:>28s}" for weights in PROFILES) + "   seconds")
    ours: list[list[FloatArray]] = []
    for candidate in selection.chosen(options):
        began_s = time.perf_counter()
        alarms = alarms_of(series, candidate)
        _print_row(candidate.name, figures(series, alarms), time.perf_counter() - began_s)
        if options.files:
            _print_files(series, alarms)
        if isinstance(candidate, SuiteCandidate):
            ours.append(alarms)
    if len(ours) > 1:
        # Choosing among configurations is fitting too.
        _print_row("the suites, chosen by fold", figures(series, *ours), 0.0)
    return 0


if __name__ == "__main__":
    sys.exit(main())

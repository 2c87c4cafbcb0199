"""Ours and the baselines on the 58 series of the Numenta Anomaly Benchmark, by NAB's own scoring.

Three figures a profile: in-sample, as NAB publishes it (one threshold for all files, chosen on the labels it is scored
on); five-fold cross-validated over the files, mean and range over several seeds. All subjects are causal (see the
package); the published leaders of NAB are handed the minimum and maximum of each whole file, and are not comparable.

The scorer is checked before it is used: NAB's windowed Gaussian, from its formula, must earn the published 39.65.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import numpy as np

from benchmarks.detection import baselines, lineup
from benchmarks.detection.nab_scoring import PROFILES, cross_validated, in_sample
from benchmarks.detection.series import Series, read_nab
from benchmarks.detection.subject import Subject

PUBLISHED_GAUSSIAN = 39.65
_STORED_DIGITS = 12
"""The published run is scored from stored text of so many digits: what is nearer to 1 than that ties with it."""


def trusted(series: Sequence[Series]) -> float:
    """What the published windowed Gaussian earns here; raises `RuntimeError` where that is not the published figure."""
    scores = [np.round(baselines.windowed_gaussian(one.value), _STORED_DIGITS) for one in series]
    found = in_sample(series, scores)["standard"]
    if abs(found - PUBLISHED_GAUSSIAN) > 0.005:
        raise RuntimeError(f"NAB scorer: the windowed Gaussian earns {found:.3f}; expected {PUBLISHED_GAUSSIAN}")
    return found


def figures(series: Sequence[Series], subject: Subject) -> dict[str, float]:
    """By profile: in-sample, cross-validated mean, lowest and highest over the seeds."""
    alarms = [answer.alarm for answer in subject.run(series)]
    inside, held_out = in_sample(series, alarms), cross_validated(series, alarms)
    found: dict[str, float] = {}
    for name in (weights.name for weights in PROFILES):
        found[name] = inside[name]
        found[f"{name} cv"] = float(np.mean(held_out[name]))
        found[f"{name} cv low"], found[f"{name} cv high"] = min(held_out[name]), max(held_out[name])
    return found


def main() -> int:
    options = lineup.parser(__doc__ or "").parse_args()
    series = read_nab(options.data)
    print(f"scorer checked: published windowed Gaussian {PUBLISHED_GAUSSIAN}, here {trusted(series):.3f}")
    print(f"{len(series)} series, {sum(len(one.windows) for one in series)} windows; in-sample | five-fold CV (range)")
    print(f"{'subject':28s}" + "".join(f"{weights.name:>28s}" for weights in PROFILES) + "   seconds")
    for subject in lineup.chosen(options):
        began_s = time.perf_counter()
        found = figures(series, subject)
        took_s = time.perf_counter() - began_s
        cells = (
            f"{found[n]:8.1f} | {found[n + ' cv']:5.1f} ({found[n + ' cv low']:4.1f}..{found[n + ' cv high']:4.1f})"
            for n in (weights.name for weights in PROFILES)
        )
        print(f"{subject.name:28s}" + "".join(f"{cell:>28s}" for cell in cells) + f"   {took_s:7.1f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

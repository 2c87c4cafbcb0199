"""The suite and the baselines on Microsoft's cloud-monitoring series: production metrics labelled by domain experts.

Mean average precision over the series; recall of events at one false alarm in 1000 and in 250 samples, with one
threshold over all series. A false alarm stands for those in 12 samples after it; an alarm up to 2 samples after an
event is its own; the first 15 % of a series, 750 samples at most, are not scored. Read off the score, not the alarm.

The series are split in two by alternate names. Only the development half may be tuned on; the check half shows
what the tuning is worth.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from benchmarks.detection import selection
from benchmarks.detection.candidate import CandidateScores
from benchmarks.detection.events import Pool, average_precision, mean_average_precision
from benchmarks.detection.series import Series, halves, read_microsoft

PARTS = ("all", "development", "check")
MEASURES = ("AUC-PR", "recall 1/1000", "recall 1/250")


def measure(series: Sequence[Series], results: Sequence[CandidateScores]) -> dict[str, float]:
    """The three figures over these series."""
    scores = [result.score for result in results]
    pool = Pool(series, scores)
    found = (mean_average_precision(series, scores), pool.recall_at(1000), pool.recall_at(250))
    return dict(zip(MEASURES, found, strict=True))


def figures(series: Sequence[Series], results: Sequence[CandidateScores]) -> dict[str, dict[str, float]]:
    """By part of the set, the figures of one run over all of it."""
    by_name = dict(zip((one.name for one in series), results, strict=True))
    development, check = halves(list(series))
    parts = dict(zip(PARTS, (list(series), development, check), strict=True))
    return {name: measure(part, [by_name[one.name] for one in part]) for name, part in parts.items()}


def _print_files(series: Sequence[Series], results: Sequence[CandidateScores]) -> None:
    """The average precision of each series of the development half; the other half stays unseen."""
    development = {one.name for one in halves(list(series))[0]}
    for one, result in zip(series, results, strict=True):
        if one.name in development:
            found = average_precision(one.label()[one.unscored:], result.score[one.unscored:])
            print(f"    {one.name:20s} {found:6.3f}  {len(one.windows)} events in {len(one.value)} samples")


def main() -> int:
    options = selection.parser(__doc__ or "").parse_args()
    series = read_microsoft(options.data)
    events = Pool(series, [one.value for one in series]).events
    print(f"{len(series)} series, {events} scored events; AUC-PR, recall at 1 false alarm in 1000 and in 250 samples")
    print(f"{'candidate':28s}" + "".join(f"{part:>24s}" for part in PARTS) + "   seconds")
    for candidate in selection.distinct(selection.chosen(options)):
        began_s = time.perf_counter()
        results = candidate.run(series)
        found = figures(series, results)
        took_s = time.perf_counter() - began_s
        cells = ("  ".join(f"{found[part][name]:.3f}" for name in MEASURES) for part in PARTS)
        print(f"{candidate.name:28s}" + "".join(f"{cell:>24s}" for cell in cells) + f"   {took_s:7.1f}", flush=True)
        if options.files:
            _print_files(series, results)
    return 0


if __name__ == "__main__":
    sys.exit(main())

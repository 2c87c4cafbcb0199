"""Does the budget hold on real series? False alarms per series-week and event recall, ours beside the usual baselines.

`python -m benchmarks.detection.budget --data DIR [--sets asd microsoft nab] [--json FILE]`. One false alarm a
series-week is asked for. An alarm is an episode and not a sample: it begins after three hours without one, or at twice
the height of the last. False alarms are those that begin in stretches without labels; an event is found when an alarm
begins in it. Rows for learning and rows that nobody labelled are not counted (`Series.unscored`).

The suite has a budget. The baselines have none: the threshold of each is chosen on the labels, for each set, as the
lowest with no more false alarms than ours. So their recall is what an oracle would get from them. AUC-PR needs no
threshold. For NAB its own score is printed too. Returns 1 where ours misses a bar.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import orjson

from benchmarks.detection import baselines, nab, river_baselines, selection
from benchmarks.detection.candidate import Baseline, CachedBaseline, Candidate, CandidateScores
from benchmarks.detection.events import SLACK, mean_average_precision, raised
from benchmarks.detection.numenta.scoring import in_sample
from benchmarks.detection.series import Series, read_asd, read_microsoft, read_nab
from detectors.base import FloatArray

SETS = {"asd": read_asd, "microsoft": read_microsoft, "nab": read_nab}
WEEK_S, DAY_S = 604_800.0, 86_400.0
SHORT = 10
"""An event of fewer samples is short."""
BARS = {"asd": (1.0, 0.34, 0.33), "microsoft": (1.0, 0.50, 0.62), "nab": (2.0, 0.75, 0.22)}
"""By set: false alarms per series-week at most, event recall and AUC-PR at least."""
BAR_NAB = 66.0
"""NAB's standard score; it was 67.3 before levels were counted in time."""
_STEPS = 12
_LOWEST = 1e-9


@dataclass(frozen=True, slots=True)
class Figures:
    """false_per_week: false alarms per series-week. recall: of events. short_recall: of short ones. nab: its own score,
    None of other sets.
    """

    false_per_week: float
    recall: float
    short_recall: float
    auc_pr: float
    nab: float | None = None

    def passes(self, name: str) -> bool:
        """Whether the bars of a set hold."""
        most, recall, auc_pr = BARS[name]
        return (
            self.false_per_week <= most and self.recall >= recall and self.auc_pr >= auc_pr
            and (self.nab is None or self.nab >= BAR_NAB)
        )


@dataclass(frozen=True, slots=True)
class Counts:
    """Of a set at one threshold. weeks: series-weeks without labels. events, found, short, found_short: of events."""

    false: int
    weeks: float
    events: int
    found: int
    short: int
    found_short: int


def counted(series: Sequence[Series], levels: Sequence[FloatArray]) -> Counts:
    """The alarms of all series, where 1 is the threshold."""
    false = events = found = short = found_short = 0
    weeks = 0.0
    for one, level in zip(series, levels, strict=True):
        begins, start = raised(one.time_s, level), one.unscored
        outside = np.arange(len(level)) >= start
        for first, last in one.windows:
            end = last + 1 + SLACK
            outside[first:end] = False
            if last >= start:
                hit = bool(begins[max(first, start):end].any())
                is_short = last + 1 - first < SHORT
                events, found = events + 1, found + hit
                short, found_short = short + is_short, found_short + (hit and is_short)
        gaps_s = np.minimum(np.diff(one.time_s, prepend=one.time_s[0]), DAY_S)
        weeks += float(gaps_s[outside].sum()) / WEEK_S
        false += int(np.count_nonzero(begins & outside))
    return Counts(false, weeks, events, found, short, found_short)


def oracle(series: Sequence[Series], scores: Sequence[FloatArray], most: int) -> float:
    """The lowest threshold down to which no threshold has more than so many false alarms.

    It is searched from above: under a threshold that is much too low all is one alarm that never ends.
    """
    def few(threshold: float) -> bool:
        return counted(series, [score / threshold for score in scores]).false <= most

    high = 1.001 * max(float(score.max()) for score in scores)
    while high > _LOWEST and few(high / 2.0):
        high /= 2.0
    low = high / 2.0
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        low, high = (low, middle) if few(middle) else (middle, high)
    return high


def figures(
    name: str, series: Sequence[Series], results: Sequence[CandidateScores], most: int | None,
) -> tuple[Figures, Counts]:
    """The figures of one candidate. most: false alarms of ours, for a candidate without a budget of its own."""
    scores = [result.score for result in results]
    levels = [result.level for result in results if result.level is not None]
    own = len(levels) == len(results)
    if not own:
        assert most is not None
        threshold = oracle(series, scores, most)
        levels = [score / threshold for score in scores]
    counts = counted(series, levels)
    scored = in_sample(series, [result.alarm for result in results])["standard"] if own and name == "nab" else None
    return Figures(
        counts.false / counts.weeks, counts.found / max(counts.events, 1), counts.found_short / max(counts.short, 1),
        mean_average_precision(series, scores), scored,
    ), counts


def candidates(fast: bool, cache: Path | None) -> list[Candidate]:
    """Ours first, then the usual baselines."""
    usual: list[Candidate] = [
        selection.suite(), Baseline("running z", baselines.running_z), Baseline("EWMA z .03", baselines.ewma_z),
        Baseline("river StandardAbsoluteDeviation", river_baselines.standard_absolute_deviation),
    ]
    slow = [
        Baseline("median/MAD 256 .05", partial(baselines.median_mad, floor=0.05)),
        Baseline("median/MAD 256 .3", partial(baselines.median_mad, floor=0.3)),
        Baseline("river GaussianScorer", river_baselines.gaussian),
    ]
    return usual if fast else [*usual, *(CachedBaseline(one, cache) for one in slow)]


def _print_row(candidate: str, found: Figures, took_s: float) -> None:
    scored = "" if found.nab is None else f"   NAB {found.nab:.1f}"
    print(
        f"  {candidate:32s}{found.false_per_week:8.2f}{found.recall:8.3f}{found.short_recall:8.3f}{found.auc_pr:8.3f}"
        f"   {took_s:6.1f} s{scored}", flush=True,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, and return 1 where a bar is missed."""
    made = selection.parser(__doc__ or "")
    made.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    made.add_argument("--json", type=Path, help="write the figures here too")
    options = made.parse_args(arguments)
    kept: dict[str, dict[str, Figures]] = {}
    for name in options.sets:
        series, most = SETS[name](options.data), None
        if name == "nab":
            nab.trusted(series)
        print(f"{name}: {len(series)} series; false alarms per series-week, recall, of short events, AUC-PR")
        for candidate in candidates(options.fast, options.cache):
            if options.only not in candidate.name and most is not None:
                continue
            began_s = time.perf_counter()
            found, counts = figures(name, series, candidate.run(series), most)
            most = counts.false if most is None else most
            kept.setdefault(name, {})[candidate.name] = found
            _print_row(candidate.name, found, time.perf_counter() - began_s)
    missed = [name for name, rows in kept.items() if not next(iter(rows.values())).passes(name)]
    print("misses a bar: " + ", ".join(missed) if missed else "all bars hold")
    if options.json is not None:
        plain = {name: {each: asdict(found) for each, found in rows.items()} for name, rows in kept.items()}
        options.json.write_bytes(orjson.dumps(plain, option=orjson.OPT_INDENT_2))
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())

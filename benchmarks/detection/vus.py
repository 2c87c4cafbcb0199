"""Volume under the range-precision-recall surface (VUS-PR) on the labelled NAB series, for ours and the baselines.

As Paparrizos et al. 2022 define it, and as TSB-AD computes it: labels get soft buffers of 0 to L rows around them, L
being the lag of the highest autocorrelation peak of the series; for each buffer width, precision over recall at 250
thresholds, recall scaled by the share of anomalies touched at all; the mean area over the widths. All rows count, there
is no probation. The measure uses the whole series; the candidates still do not. Of TSB-AD's NAB subset only the
series, not their numbers, can be had here, so these means are over all labelled series and not over that subset.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import numpy as np

from benchmarks.detection import selection
from benchmarks.detection.candidate import CandidateScores
from benchmarks.detection.series import Series, read_nab
from detectors.base import BoolArray, FloatArray, IntArray

_THRESHOLDS = 250
_FALLBACK = 125
_LAGS = 400
_SHORTEST = 3
_LONGEST = 300
_PERIOD_ROWS = 20_000


def buffer_length(value: FloatArray) -> int:
    """The lag of the highest peak of the autocorrelation, 125 where there is none that is short enough."""
    value = value[:_PERIOD_ROWS]
    n = len(value)
    away = value - value.mean()
    spectrum = np.fft.rfft(away, 2 * n)
    correlation = np.fft.irfft(spectrum * np.conj(spectrum))[:min(_LAGS, n - 1) + 1]
    if correlation[0] <= 0:
        return _FALLBACK
    lags = (correlation / correlation[0])[_SHORTEST:]
    peaks: IntArray = np.flatnonzero((lags[1:-1] > lags[:-2]) & (lags[1:-1] > lags[2:])) + 1
    if not len(peaks):
        return _FALLBACK
    best = int(peaks[np.argmax(lags[peaks])])
    return best + _SHORTEST if _SHORTEST <= best <= _LONGEST else _FALLBACK


def extended(label: BoolArray, windows: Sequence[tuple[int, int]], width: int) -> FloatArray:
    """(n,) labels with soft buffers of `width` rows in all, half at either side, falling as a square root."""
    soft = label.astype(np.float64)
    half = width // 2
    for first, last in windows:
        after = np.arange(last + 1, min(last + half + 1, len(soft)))
        before = np.arange(max(first - half, 0), first)
        soft[after] += np.sqrt(1.0 - (after - last) / width) if width else 0.0
        soft[before] += np.sqrt(1.0 - (first - before) / width) if width else 0.0
    return np.minimum(soft, 1.0)


def merged(windows: Sequence[tuple[int, int]], width: int, rows: int) -> list[tuple[int, int]]:
    """The windows with their buffers; those whose buffers meet are one."""
    half = width // 2
    made: list[tuple[int, int]] = []
    for first, last in windows:
        start, end = max(first - half, 0), min(last + half, rows - 1)
        if made and made[-1][1] >= start:
            made[-1] = made[-1][0], end
        else:
            made.append((start, end))
    return made


def vus_pr(series: Series, score: FloatArray) -> float:
    """The measure for one series; NaN without a label."""
    if not series.windows:
        return float("nan")
    label, rows = series.label(), len(score)
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    threshold = ranked[np.linspace(0, rows - 1, _THRESHOLDS).astype(int)]
    last: IntArray = np.searchsorted(-ranked, -threshold, side="right") - 1
    sharp = np.cumsum(label[order]).astype(np.float64)[last]
    areas = [
        _area(series, score, extended(label, series.windows, width), width, order, last, sharp, threshold)
        for width in range(buffer_length(series.value) + 1)
    ]
    return float(np.mean(areas))


def _area(
    series: Series, score: FloatArray, soft: FloatArray, width: int, order: IntArray, last: IntArray,
    sharp: FloatArray, threshold: FloatArray,
) -> float:
    positives = float(series.label().sum())
    hit = np.cumsum(soft[order])[last]
    recall = np.minimum(hit / (positives + (hit - sharp) / 2.0), 1.0)
    touched = [score[first:end + 1].max() for first, end in merged(series.windows, width, len(score))]
    existence = np.mean(np.array(touched)[:, None] >= threshold[None, :], axis=0)
    precision = hit / (last + 1)
    return float(np.sum(np.diff(recall * existence, prepend=0.0) * precision))


def figures(series: Sequence[Series], results: Sequence[CandidateScores]) -> dict[str, float]:
    """By series, its VUS-PR, for those with a label."""
    found = {one.name: vus_pr(one, result.score) for one, result in zip(series, results, strict=True)}
    return {name: value for name, value in found.items() if np.isfinite(value)}


def main() -> int:
    options = selection.parser(__doc__ or "").parse_args()
    series = read_nab(options.data)
    print(f"VUS-PR, mean and median over {sum(bool(one.windows) for one in series)} labelled series of NAB")
    for candidate in selection.distinct(selection.chosen(options)):
        began_s = time.perf_counter()
        found = figures(series, candidate.run(series))
        values, took_s = list(found.values()), time.perf_counter() - began_s
        print(f"{candidate.name:28s}  {np.mean(values):.3f}  {np.median(values):.3f}   {took_s:7.1f} s", flush=True)
        if options.files:
            print("".join(f"    {name:60s} {value:6.3f}\n" for name, value in found.items()), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Scores of point-labelled series: average precision by sample, and recall of events at a rate of false alarms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.detection.series import Series, runs
from detectors.base import BoolArray, FloatArray, IntArray

MERGE = 12
"""A false alarm stands for those in so many samples after it; then the next one counts, however long it lasts."""
SLACK = 2
"""An alarm up to so many samples after an event still belongs to it."""
QUIET_S = 10_800.0
HIGHER = 2.0


def average_precision(label: BoolArray, score: FloatArray) -> float:
    """Area under the precision-recall curve, as a step function; equal scores count together. NaN without a label."""
    positives = int(label.sum())
    if positives == 0:
        return float("nan")
    order = np.argsort(-score, kind="stable")
    hits, score = np.cumsum(label[order]), score[order]
    last = np.append(np.flatnonzero(score[1:] != score[:-1]), len(score) - 1)
    precision = hits[last] / (last + 1)
    recall = hits[last] / positives
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def mean_average_precision(series: Sequence[Series], scores: Sequence[FloatArray]) -> float:
    """Over the series with a label past their unscored rows; each weighs the same."""
    found = [
        average_precision(one.label()[one.unscored:], score[one.unscored:])
        for one, score in zip(series, scores, strict=True)
    ]
    return float(np.nanmean(found)) if found else float("nan")


def raised(time_s: FloatArray, level: FloatArray) -> BoolArray:
    """(n,) where an alarm begins: at level 1 after `QUIET_S` without one, or at `HIGHER` times the height of the last.
    """
    begins = np.zeros(len(level), dtype=np.bool_)
    last_s, height = -np.inf, 0.0
    for at in np.flatnonzero(level >= 1.0).tolist():
        if time_s[at] - last_s > QUIET_S or level[at] > HIGHER * height:
            begins[at], height = True, float(level[at])
        last_s = float(time_s[at])
    return begins


class Pool:
    """The scored rows of all series in one line, for one threshold over all of them."""

    def __init__(self, series: Sequence[Series], scores: Sequence[FloatArray]) -> None:
        """Series are laid out so far apart that no merge reaches across."""
        score, outside, place, events, offset = [], [], [], [], 0
        self.samples = 0
        for one, whole in zip(series, scores, strict=True):
            start, label = one.unscored, one.label()[one.unscored:]
            near = label.copy()
            for first, last in runs(label):
                near[first:last + 1 + SLACK] = True
                part = whole[start + first:start + last + 1 + SLACK]
                events.append(float(part.max()))
            score.append(whole[start:])
            outside.append(~near)
            place.append(offset + np.arange(len(label)))
            offset += len(label) + MERGE + 1
            self.samples += len(label)
        self._highest: FloatArray = np.array(events)
        keep = np.concatenate(outside)
        self._place: IntArray = np.concatenate(place)[keep]
        self._score: FloatArray = np.concatenate(score)[keep]

    @property
    def events(self) -> int:
        return len(self._highest)

    def false_alarms(self, threshold: float) -> int:
        """Merged false alarms at or above a threshold."""
        at = self._place[self._score >= threshold]
        count, next_at = 0, 0
        while next_at < len(at):
            count += 1
            next_at = int(np.searchsorted(at, at[next_at] + MERGE, side="right"))
        return count

    def recall_at(self, samples_per_alarm: float) -> float:
        """The share of events found at the lowest threshold with no more than one false alarm in so many samples."""
        allowed = self.samples / samples_per_alarm
        recall = 0.0
        # Only at the height of an event does the recall change.
        for threshold in np.unique(self._highest[self._highest > 0])[::-1].tolist():
            if self.false_alarms(threshold) > allowed:
                break
            recall = float(np.mean(self._highest >= threshold))
        return recall

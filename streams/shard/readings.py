"""Arrays to readings: what the suite found in a block, as the values that triage works on.

Readings are built only for the services that matter at an instant: those with an alarm and those with an episode.
"""

from __future__ import annotations

import numpy as np

from classifiers.evidence.evidence_table import ABSENCE, MONITORING
from classifiers.model import Anomaly, Direction, Scope, SeriesKey
from detectors.base import Block, FloatArray, IntArray
from detectors.ensemble.ensemble import SHARES
from detectors.suite import Suite, SuiteScores
from streams.windows.provenance import Finder

_SHARES = Suite.names.index(SHARES)
DIRECTIONS: dict[int, Direction] = {1: "up", -1: "down", 0: "none"}


def readings(
    block: Block, scores: SuiteScores, at: IntArray, keys: list[SeriesKey], records: Finder,
) -> list[Anomaly]:
    """The windows at these places of a block, in order. keys: metric and scope of each. Cost about 1 us a reading."""
    columns = (
        block.start_s, block.end_s, block.value, scores.expected, scores.level, scores.direction, block.count,
        scores.onset_s, scores.onset_error_s, scores.detector, _judged_trials(block, scores),
    )
    return [
        Anomaly(
            scope, metric, Suite.names[detector] if detector >= 0 else "none", start_s, end_s, value, _known(expected),
            _known(level), DIRECTIONS[direction], int(count), onset_s, _known(error_s),
            records(metric, start_s, end_s), _known(trials),
        )
        for (metric, scope), (
            start_s, end_s, value, expected, level, direction, count, onset_s, error_s, detector, trials,
        ) in zip(keys, zip(*(column[at].tolist() for column in columns), strict=True), strict=True)
    ]


def absences(
    levels: FloatArray, silence_s: FloatArray, gap_s: FloatArray, keys: list[SeriesKey], now_s: float,
) -> list[Anomaly]:
    """Silent series as readings: no value, the window is the silence, the onset is its first missed window."""
    return [
        Anomaly(
            scope, metric, ABSENCE, now_s - silent_s, now_s, None, None, level, "down", 0, now_s - silent_s + gap_s,
            gap_s,
        )
        for (metric, scope), silent_s, gap_s, level in zip(
            keys, silence_s.tolist(), gap_s.tolist(), levels.tolist(), strict=True,
        )
    ]


def unreported(metric: str, scope: Scope, since_s: float, now_s: float, report_after_s: float) -> Anomaly:
    """The loss of monitoring as a reading, which alarms when nothing was reported for `report_after_s`; a quiet one
    where the loss is over.

    metric: `MONITORING` of a scope, `SOURCE` of all that a source brings; the scope is then named like the source.
    """
    level = (now_s - since_s) / report_after_s
    return Anomaly(scope, metric, MONITORING, since_s, now_s, None, None, level, "down", 0, since_s)


def _judged_trials(block: Block, scores: SuiteScores) -> FloatArray:
    """(n,) the trials behind the values that were judged as shares, NaN behind the others."""
    if block.trials is None:
        return np.full(len(block), np.nan)
    return np.where(np.isfinite(scores.levels[_SHARES]), block.trials, np.nan)


def _known(number: float) -> float | None:
    """None for NaN: unknown is no number outside arrays."""
    return number if number == number else None

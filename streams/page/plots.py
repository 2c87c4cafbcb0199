"""Windows of series as the page draws them, as JSON: some hundred points a series, the worst of each stretch. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isnan
from typing import Any

from classifiers.model import Anomaly, Scope
from classifiers.series_windows import part_text, short
from streams.page.series_state import COLUMNS, Track

MAX_DRAWN = 300
MAX_PLOTS = 12


def plots_of(tracks: Mapping[tuple[str, Scope], Track], evidence: tuple[Anomaly, ...]) -> list[dict[str, Any]]:
    """The plots of an incident. Where no windows were told, the windows of its evidence alone."""
    drawn = [plot_of(track) for track in tracks.values() if track.end_s]
    return drawn[:MAX_PLOTS] or _of_evidence(evidence)


def plot_of(track: Track) -> dict[str, Any]:
    """One series. Unknown numbers are null."""
    places = _worst(track)
    told = track.newest
    return {
        "metric": told.metric, "scope": scope_text(told.scope), "part": part_text(told.scope),
        "detector": told.detector, "warm": told.warm,
        "gap_s": told.gap_s, "at_s": [track.end_s[at] for at in places],
        **{name: [short(track.columns[name][at]) for at in places] for name in COLUMNS},
    }


def scope_text(scope: Scope) -> str:
    """What a series is of, as titles say it.

    >>> scope_text(Scope("chat", "gpt", replica="r0"))
    'chat/gpt, replica r0'
    """
    parts = ((name, getattr(scope, name)) for name in ("version", "replica", "tenant"))
    whole = f"{scope.service}/{scope.model}" if scope.model else scope.service
    return ", ".join([whole, *(f"{name} {value}" for name, value in parts if value)])


def _worst(track: Track) -> Iterable[int]:
    """The places of the windows to draw: all, or the highest level of each of `MAX_DRAWN` stretches."""
    count = len(track.end_s)
    if count <= MAX_DRAWN:
        return range(count)
    from_s, width_s = track.end_s[0], (track.end_s[-1] - track.end_s[0]) / MAX_DRAWN
    levels, best = track.columns["level"], dict[int, int]()
    for at, end_s in enumerate(track.end_s):
        stretch = int((end_s - from_s) / width_s)
        known = best.setdefault(stretch, at)
        if levels[at] > levels[known] or isnan(levels[known]):
            best[stretch] = at
    return sorted(best.values())


def _of_evidence(evidence: tuple[Anomaly, ...]) -> list[dict[str, Any]]:
    series: dict[tuple[str, Scope], dict[float, Anomaly]] = {}
    for one in evidence:
        series.setdefault((one.metric, one.scope), {})[one.end_s] = one
    return [
        {
            "metric": metric, "scope": scope_text(scope), "detector": points[-1].detector, "warm": True, "gap_s": None,
            "at_s": [one.end_s for one in points], "value": [one.value for one in points],
            "expected": [one.expected for one in points], "level": [one.level for one in points],
            "low": [None] * len(points), "high": [None] * len(points),
        }
        for (metric, scope), by_time in series.items() if (points := [by_time[end_s] for end_s in sorted(by_time)])
    ]

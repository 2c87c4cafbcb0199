"""Services and their series, as JSON: live values with bands, what speaks, what warms up, levels of parts. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from classifiers.model import Incident, Scope
from classifiers.series_windows import part_text
from streams.page.plots import plot_of, scope_text
from streams.page.series_state import Name, ServiceTracks, Track
from streams.page.state import PageState
from streams.page.summaries import incident_row

MAX_LISTED = 100
CURRENT_S = 45.0
"""A series with no window for so long is not told of any more: it left those with the highest levels, or it ended.
Windows are told every 15 s."""


def services_view(state: PageState) -> dict[str, Any]:
    """All services, the one with the highest level first."""
    opened = _open_incidents(state)
    rows = [_row(one, len(opened[_name(one)])) for one in state.series.services()]
    return {"services": sorted(rows, key=lambda one: (-(one["level"] or 0.0), one["service"], one["model"] or ""))}


def service_view(tracks: ServiceTracks, state: PageState, find: str = "") -> dict[str, Any]:
    """One service: its series by level, those without a window of late last; its parts over time, and how its sources
    deliver. find: words that are all in the name of a series to be listed.
    """
    drawn = sorted(
        (one for one in tracks.tracks.values() if one.end_s), key=lambda one: (_is_current(one, tracks), _level(one)),
        reverse=True,
    )
    opened = _open_incidents(state)[_name(tracks)]
    return {
        **_row(tracks, len(opened)), "sources": tracks.newest.sources,
        "plots": [{**plot_of(one), "is_current": _is_current(one, tracks)} for one in drawn],
        "heat": _heat(tracks), "incidents": [incident_row(one, state) for one in opened],
        **_listed(tracks, find.lower().split()),
    }


def _listed(tracks: ServiceTracks, words: list[str]) -> dict[str, Any]:
    """All series by their newest window, the highest level first, `MAX_LISTED` at most; fitting: how many have all
    words in their names. is_drawn: whether it is among the plots.
    """
    drawn = {(metric, part_text(scope)) for (metric, scope), track in tracks.tracks.items() if track.end_s}
    found = [
        (level, one.metric, part, value)
        for one in tracks.listed for part, value, level in zip(one.parts, one.value, one.level, strict=True)
        if all(word in _searched(tracks, one.metric, part) for word in words)
    ]
    found.sort(key=lambda one: (-1.0 if one[0] is None else one[0], one[1], one[2]), reverse=True)
    rows = [
        {"metric": metric, "part": part, "value": value, "level": level, "is_drawn": (metric, part) in drawn}
        for level, metric, part, value in found[:MAX_LISTED]
    ]
    return {"listed": rows, "fitting": len(found), "listed_s": tracks.listed_s}


def _searched(tracks: ServiceTracks, metric: str, part: str) -> str:
    """The name of a series as its plot has it."""
    kind, _, name = part.partition("/")
    of = scope_text(Scope(tracks.newest.service, tracks.newest.model, **({kind: name} if kind else {})))
    return f"{metric} {of}".lower()


def _name(tracks: ServiceTracks) -> Name:
    return tracks.newest.service, tracks.newest.model


def _open_incidents(state: PageState) -> defaultdict[Name, list[Incident]]:
    """By service and model."""
    found: defaultdict[Name, list[Incident]] = defaultdict(list)
    for one in state.incidents():
        if one.state != "resolved":
            found[one.service, one.model].append(one)
    return found


def _row(tracks: ServiceTracks, opened: int) -> dict[str, Any]:
    newest = tracks.newest
    worst = max((one for one in tracks.tracks.values() if _is_current(one, tracks)), key=_level, default=None)
    return {
        "service": newest.service, "model": newest.model, "at_s": newest.at_s, "series": newest.series,
        "warming": newest.warming, "silent": newest.silent, "open": opened,
        "level": None if worst is None or _level(worst) < 0.0 else round(_level(worst), 3),
        "metric": None if worst is None else worst.newest.metric,
        "detector": None if worst is None else worst.newest.detector,
    }


def _is_current(track: Track, tracks: ServiceTracks) -> bool:
    """Whether its newest window is one of the newest of the service."""
    return bool(track.end_s) and track.end_s[-1] >= tracks.newest.at_s - CURRENT_S


def _level(track: Track) -> float:
    """Of the newest window; -1 while it warms up."""
    level = track.columns["level"][-1]
    return level if level == level else -1.0


def _heat(tracks: ServiceTracks) -> dict[str, Any]:
    """The level of each part over time; null where it had none. Parts in the order of their names."""
    kept = list(tracks.levels)
    parts = sorted({part for _, levels in kept for part in levels})
    return {
        "at_s": [at_s for at_s, _ in kept],
        "parts": [
            {"part": part, "name": name, "level": [levels.get((part, name)) for _, levels in kept]}
            for part, name in parts
        ],
    }

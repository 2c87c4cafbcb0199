"""Services and their series, as JSON: live values with bands, what speaks, what warms up, levels of parts. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from classifiers.model import Incident
from streams.page.plots import plot_of
from streams.page.series_state import Name, ServiceTracks, Track
from streams.page.state import PageState
from streams.page.summaries import incident_row


def services_view(state: PageState) -> dict[str, Any]:
    """All services, the one with the highest level first."""
    opened = _open_incidents(state)
    rows = [_row(one, len(opened[_name(one)])) for one in state.series.services()]
    return {"services": sorted(rows, key=lambda one: (-(one["level"] or 0.0), one["service"], one["model"] or ""))}


def service_view(tracks: ServiceTracks, state: PageState) -> dict[str, Any]:
    """One service: its series by level, its parts over time, and how its sources deliver."""
    drawn = sorted((one for one in tracks.tracks.values() if one.end_s), key=_level, reverse=True)
    opened = _open_incidents(state)[_name(tracks)]
    return {
        **_row(tracks, len(opened)), "sources": tracks.newest.sources, "plots": [plot_of(one) for one in drawn],
        "heat": _heat(tracks), "incidents": [incident_row(one, state) for one in opened],
    }


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
    worst = max((one for one in tracks.tracks.values() if one.end_s), key=_level, default=None)
    return {
        "service": newest.service, "model": newest.model, "at_s": newest.at_s, "series": newest.series,
        "warming": newest.warming, "silent": newest.silent, "open": opened,
        "level": None if worst is None or _level(worst) < 0.0 else round(_level(worst), 3),
        "metric": None if worst is None else worst.newest.metric,
        "detector": None if worst is None else worst.newest.detector,
    }


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

"""Services and their series, as JSON: live values with bands, what speaks, what warms up, levels of parts. Pure."""

from __future__ import annotations

from typing import Any

from streams.page.plots import plot_of
from streams.page.series_state import ServiceTracks, Track
from streams.page.state import PageState
from streams.page.summaries import incident_row


def services_view(state: PageState) -> dict[str, Any]:
    """All services, the one with the highest level first."""
    rows = [_row(one, state) for one in state.series.services()]
    return {"services": sorted(rows, key=lambda one: (-(one["level"] or 0.0), one["service"], one["model"] or ""))}


def service_view(tracks: ServiceTracks, state: PageState) -> dict[str, Any]:
    """One service: its series by level, its parts over time, and how its sources deliver."""
    newest = tracks.newest
    drawn = sorted((one for one in tracks.tracks.values() if one.end_s), key=_level, reverse=True)
    opened = [
        one for one in state.incidents()
        if one.state != "resolved" and (one.service, one.model) == (newest.service, newest.model)
    ]
    return {
        **_row(tracks, state), "sources": newest.sources, "plots": [plot_of(one) for one in drawn],
        "heat": _heat(tracks), "incidents": [incident_row(one, state) for one in opened],
    }


def _row(tracks: ServiceTracks, state: PageState) -> dict[str, Any]:
    newest = tracks.newest
    worst = max((one for one in tracks.tracks.values() if one.end_s), key=_level, default=None)
    incidents = [
        one for one in state.incidents()
        if one.state != "resolved" and (one.service, one.model) == (newest.service, newest.model)
    ]
    return {
        "service": newest.service, "model": newest.model, "at_s": newest.at_s, "series": newest.series,
        "warming": newest.warming, "silent": newest.silent, "open": len(incidents),
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

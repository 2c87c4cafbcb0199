"""The descriptions of the fields of windows of series."""

from __future__ import annotations

from collections.abc import Mapping

from classifiers.series_windows import (
    IncidentSeries,
    ListedSeries,
    PartLevel,
    SeriesWindows,
    ServiceSeries,
    ShardReport,
    SourceCadence,
)

SERIES_FIELDS: Mapping[type, Mapping[str, str]] = {
    SeriesWindows: {
        "metric": "The metric.",
        "scope": "Where it was measured.",
        "detector": "The detector with the highest level in the newest window; null for none.",
        "warm": "Whether the learned detectors score the series.",
        "gap_s": "The usual time between its windows; null while it is unknown.",
        "end_s": "When each window ended, seconds since the epoch, oldest first.",
        "value": "The value of each window, in the metric's unit.",
        "expected": "What was expected; null while warming up.",
        "low": "A value below it is an alarm; null where it is unknown, or where low values do not count.",
        "high": "A value above it is an alarm; null where it is unknown, or where high values do not count.",
        "level": "The level of each window: 1.0 is the false-alarm budget; null while warming up.",
    },
    IncidentSeries: {
        "incident_id": "The incident.",
        "service": "Its service.",
        "model": "Its model; null where records name none.",
        "at_s": "Event time of the newest window, seconds since the epoch.",
        "each_s": "The time that one window stands for, the one with the highest level in it; null for every window.",
        "series": "The series that alarmed first, then those of the whole service.",
    },
    PartLevel: {
        "part": "version or replica.",
        "name": "Its name.",
        "level": "The highest level among its series since the record before; null while all warm up.",
        "metric": "The metric with that level.",
    },
    ListedSeries: {
        "metric": "The metric.",
        "parts": "What each series is of: version, replica or tenant, a stroke, and its name; empty for the whole "
                 "service.",
        "value": "The value of the newest window of each, in the metric's unit; null where it is unknown.",
        "level": "The level of that window; null while warming up.",
    },
    SourceCadence: {
        "topic": "The topic.",
        "delay_s": "How late its records may be delivered.",
        "lateness_s": "How far a record may lie behind the newest.",
    },
    ShardReport: {
        "shard": "The partition number of the inputs.",
        "worker": "The worker that owns the shard.",
        "since_s": "Since when, seconds since the epoch.",
        "at_s": "When this was written.",
        "evaluated_until_s": "Event time up to which all is judged; null before the first window.",
        "blind_s": "For how long the worker could not tell what does not arrive; 0 while it sees.",
        "late": "Records that came after their window was closed, since since_s.",
        "refused_series": "How often a series was refused for the limit on series, since since_s.",
        "overflowed": "Samples without a scope of their own for the limit on values of a label, since since_s.",
        "dropped_values": "Values left out for the limit on metrics, since since_s.",
        "skipped": "Points of aggregated metrics without a value, since since_s.",
        "dead": "Dead letters by reason, since since_s.",
    },
    ServiceSeries: {
        "service": "The service.",
        "model": "Its model; null where records name none.",
        "at_s": "Event time up to which windows are closed, seconds since the epoch.",
        "series": "How many series of it this shard watches.",
        "warming": "How many of them no learned detector scores yet.",
        "silent": "How many of them are silent for longer than usual.",
        "top": "Windows since the record before: of the whole service, and of its parts those with the highest levels.",
        "parts": "Its versions and replicas, the highest level first.",
        "sources": "How the sources of the shard are expected to deliver.",
        "listed": "All series with windows in the last minute, at most 1,000; once a minute, and empty between.",
    },
}

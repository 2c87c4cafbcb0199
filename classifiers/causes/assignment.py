"""Assignment of alarms to causes: the alarms of one service at one instant are divided among its episodes. Pure.

This is the seam between the verdict on single readings and the state of episodes. `Triage` calls `assign_alarms` once
per service and instant that has an alarm. Each assignment then goes through confirmation, verdict and recovery.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from classifiers.causes.causal_rules import Shift, connected, explains, same_part
from classifiers.causes.grouping import Cause, group_symptoms
from classifiers.causes.symptoms import ALARMING_EWMA, NEW_ALARMS_MAX, Symptom, find_symptoms
from classifiers.evidence.attribution import WHOLE, Attribution, covers, dimension_of
from classifiers.evidence.evidence_table import (
    EvidenceTable,
    alarm_level,
    deviation_of,
    metric_of,
    signal_of,
)
from classifiers.evidence.series_snapshot import last_reported, stale
from classifiers.model import Anomaly, Incident, Scope, SeriesKey

FADED = 0.5
"""Share of its peak below which a deviation no longer shows which part is hit."""
ROOT_WEIGHT, ANYWHERE_WEIGHT = 3.0, 0.3
"""Weights of alarms when an episode is matched with a cause: on a root, and outside the part that stands out."""


@dataclass(frozen=True, slots=True)
class CauseParams:
    """group_window_s: symptoms of one part whose onsets are so close together, errors aside, have one cause."""

    group_window_s: float = 2.0

    def __post_init__(self) -> None:
        if self.group_window_s < 0:
            raise ValueError(f"group_window_s is {self.group_window_s}, expected seconds, 0 or more")


@dataclass(frozen=True, slots=True)
class EpisodeView:
    """One episode of the service before this instant, read only.

    key: its permanent name within the service. evidence: up to now, quiet readings included. incident: as last
    published, None while the episode is pending. part: the part its cause hits, as last assigned. Times in seconds of
    event time. onset_at_s is None until an alarm has an onset.
    """

    key: str
    started_at_s: float
    last_alarm_s: float
    onset_at_s: float | None
    onset_error_s: float | None
    evidence: EvidenceTable
    incident: Incident | None
    part: Attribution | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """What one episode gets of an instant.

    key: of an episode, or a new key, under which a new episode starts. The incident id derives from the key, so a key
    is made from the cause alone (such as `replica=r0 latency`), without counters and independent of how records were
    batched. readings: the alarms of this episode, and all quiet readings, from which its scope is read. absorbs: keys
    of other episodes that turned out to be this one. A pending one is merged into this one and gets no assignment. A
    confirmed incident stays (it may get an assignment) and is inhibited as caused by this one, once this one is
    confirmed too; the key is repeated until then. claims: series of other episodes that belong to this one from now on.
    part: the part that its cause hits, where another cause is at work too, so that the readings alone do not show it.
    """

    key: str
    readings: tuple[Anomaly, ...]
    absorbs: tuple[str, ...] = ()
    claims: tuple[SeriesKey, ...] = ()
    part: Attribution | None = None


AssignAlarms = Callable[[Sequence[Anomaly], Sequence[EpisodeView], float, CauseParams, float], list[Assignment]]
"""The type of `assign_alarms`, which documents the parameters."""


def assign_alarms(
    readings: Sequence[Anomaly], episodes: Sequence[EpisodeView], now_s: float, params: CauseParams,
    concentration_min: float,
) -> list[Assignment]:
    """Assigns every alarming reading to exactly one episode, and every quiet one to all of them.

    readings: all of one service and model at one instant, at least one alarming. episodes: of the service, oldest
    first. concentration_min: how far ahead (0..1) a replica, tenant or version must be to stand out. An episode without
    an assignment had no alarm in this instant. A first alarm goes to the cause that explains it best. It becomes a
    cause of its own when it repeats; that cause then claims its series from the other episodes. Called once per service
    and instant with an alarm. About 3 us a reading, linear in the scopes.
    """
    tables = [episode.evidence for episode in episodes]
    causes = group_symptoms(find_symptoms(readings, tables, now_s, concentration_min), params.group_window_s)
    causes, keys = _established(causes, _match_episodes(causes, episodes), episodes)
    last_reported_s = last_reported(readings, tables)
    first_key = episodes[0].key if episodes else _first_key(readings, last_reported_s)
    alarms: dict[str, list[Anomaly]] = {}
    for reading in readings:
        if reading.alarming:
            key = _best_key(reading, metric_of(reading, last_reported_s), causes, keys) if causes else first_key
            alarms.setdefault(key, []).append(reading)
    quiet = [reading for reading in readings if not reading.alarming]
    absorbed = _absorbed(causes, keys, episodes, now_s, params.group_window_s)
    merged = {key for found in absorbed.values() for key in found if _is_pending(episodes, key)}
    known = {episode.key for episode in episodes}
    parts = _parts(causes, keys, episodes)
    claims = {key: _claims(cause, episodes) for cause, key in zip(causes, keys, strict=True) if key not in known}
    return [
        Assignment(key, (*own, *quiet), absorbed.get(key, ()), claims.get(key, ()), parts.get(key))
        for key, own in sorted(alarms.items()) if key not in merged
    ]


def _match_episodes(causes: Sequence[Cause], episodes: Sequence[EpisodeView]) -> list[str]:
    """The key of each cause: that of the episode with most of its alarms, each for one cause only; else its own."""
    ranked = sorted(
        (
            (episode.key == cause.key, _shared_alarms(cause, episode.evidence), -number, -at)
            for at, cause in enumerate(causes) for number, episode in enumerate(episodes)
        ),
        reverse=True,
    )
    keys: dict[int, str] = {}
    for same_key, alarms, number, at in ranked:
        if -at not in keys and episodes[-number].key not in keys.values() and (same_key or alarms > 0.0):
            keys[-at] = episodes[-number].key
    taken = {episode.key for episode in episodes}
    for at, cause in enumerate(causes):
        if at not in keys:
            # Another cause may have the episode with this key, so the key is extended by the metric.
            keys[at] = cause.key if cause.key not in taken else f"{cause.key} {cause.roots[0].metric}"
    return [keys[at] for at in range(len(causes))]


def _established(
    causes: Sequence[Cause], keys: Sequence[str], episodes: Sequence[EpisodeView],
) -> tuple[list[Cause], list[str]]:
    """Without new causes whose roots are not sustained yet. In a service without episodes the weightiest one stays."""
    known = {episode.key for episode in episodes}
    kept = [
        (cause, key) for cause, key in zip(causes, keys, strict=True)
        if key in known or (not cause.past and any(root.sustained for root in cause.roots))
    ]
    if not kept and not episodes and causes:
        kept = sorted(zip(causes, keys, strict=True), key=lambda pair: (-pair[0].weight, pair[1]))[:1]
    return [cause for cause, _ in kept], [key for _, key in kept]


def _shared_alarms(cause: Cause, evidence: EvidenceTable) -> float:
    """Weighted alarms of an episode on the symptoms of a cause. Alarms on its roots, in their part, weigh most."""
    inside: dict[str, int] = {}
    anywhere: dict[str, int] = {}
    by_metric = {symptom.metric: symptom for symptom in cause.symptoms}
    for (metric, scope), series in evidence.series.items():
        symptom = by_metric.get(metric)
        if symptom is not None and series.alarms:
            anywhere[metric] = max(series.alarms, anywhere.get(metric, 0))
            if covers(symptom.shift.attribution, scope):
                inside[metric] = max(series.alarms, inside.get(metric, 0))
    roots = {root.metric for root in cause.roots}
    return sum(
        (ROOT_WEIGHT if metric in roots else 1.0) * (inside.get(metric, 0) + ANYWHERE_WEIGHT * alarms)
        for metric, alarms in anywhere.items()
    )


def _best_key(reading: Anomaly, metric: str, causes: Sequence[Cause], keys: Sequence[str]) -> str:
    """The key of the cause that an alarm belongs to: one with a symptom on its metric, else what accounts for it."""
    fits = [
        (covers(part, reading.scope), part.dimension is not None, symptom.weight, at)
        for at, cause in enumerate(causes) for symptom in cause.symptoms if symptom.metric == metric
        for part in (symptom.shift.attribution,)
    ]
    if fits:
        return keys[max(fits)[-1]]
    dimension = dimension_of(reading.scope)
    own = Attribution(dimension, getattr(reading.scope, dimension), 1.0) if dimension is not None else WHOLE
    shift = Shift(signal_of(metric), reading.direction, own)
    best = max(range(len(causes)), key=lambda at: (_accounts_for(causes[at], shift), causes[at].weight, -at))
    return keys[best]


def _accounts_for(cause: Cause, shift: Shift) -> int:
    """How well a cause accounts for an alarm that has not repeated itself yet: 3 best, 0 not at all."""
    if any(same_part(root.shift.attribution, shift.attribution) and connected(root.shift, shift)
           for root in cause.roots):
        return 3
    if any(explains(root.shift, shift, leads=True) for root in cause.roots):
        return 2
    return int(any(same_part(root.shift.attribution, shift.attribution) for root in cause.roots))


def _absorbed(
    causes: Sequence[Cause], keys: Sequence[str], episodes: Sequence[EpisodeView], now_s: float, window_s: float,
) -> dict[str, tuple[str, ...]]:
    """By key, other episodes whose alarming metrics are all symptoms of that cause now, and that began no earlier."""
    current = [(cause, key) for cause, key in zip(causes, keys, strict=True) if not cause.roots_past]
    owner = {symptom.metric: key for cause, key in current for symptom in cause.symptoms}
    onset_s = {key: cause.onset_s for cause, key in current}
    found: dict[str, tuple[str, ...]] = {}
    for episode in episodes:
        if episode.key in keys:
            continue
        alarming = {
            metric for (metric, _), series in episode.evidence.series.items()
            if series.alarms and series.alarm_ewma >= ALARMING_EWMA and not stale(series, now_s)
        }
        owners = {owner[metric] for metric in alarming & owner.keys()}
        if len(owners) == 1 and alarming <= owner.keys():
            (key,) = owners
            if episode.onset_at_s is None or episode.onset_at_s >= onset_s[key] - window_s:
                found[key] = (*found.get(key, ()), episode.key)
    return found


def _is_pending(episodes: Sequence[EpisodeView], key: str) -> bool:
    return any(episode.key == key and episode.incident is None for episode in episodes)


def _parts(causes: Sequence[Cause], keys: Sequence[str], episodes: Sequence[EpisodeView]) -> dict[str, Attribution]:
    """By key, the part that each cause hits, where two or more episodes are at work at once.

    A known part stays when the deviation has faded. Nothing is assigned beside a single episode: the first few alarms
    of one instant show too little.
    """
    if len({episode.key for episode in episodes}.intersection(keys)) < 2:
        return {}
    assigned = {episode.key: episode.evidence for episode in episodes if episode.part is not None}
    return {
        key: cause.roots[0].shift.attribution for cause, key in zip(causes, keys, strict=True)
        if not cause.roots_past and not (key in assigned and _faded(cause.roots[0], assigned[key]))
    }


def _faded(root: Symptom, evidence: EvidenceTable) -> bool:
    """Whether little is left of a deviation, though detectors still alarm for a while."""
    alarmed = (series for (metric, _), series in evidence.series.items() if metric == root.metric and series.alarms)
    return root.shift.size < FADED * max((abs(deviation_of(series.peak)) for series in alarmed), default=0.0)


def _claims(cause: Cause, episodes: Sequence[EpisodeView]) -> tuple[SeriesKey, ...]:
    """Series of other episodes that belong to a new cause: of its roots, and of its effects while they are new."""
    return tuple(dict.fromkeys(
        (metric, scope)
        for episode in episodes for (metric, scope), series in episode.evidence.series.items()
        if series.alarms and any(
            symptom.metric == metric and (covers(symptom.shift.attribution, scope) or not symptom.co_located)
            and (series.alarms <= NEW_ALARMS_MAX or symptom in cause.roots)
            for symptom in cause.symptoms
        )
    ))


def _first_key(readings: Sequence[Anomaly], last_reported_s: Mapping[Scope, float]) -> str:
    """The key of an episode of which only its first alarms are known."""
    alarms = (reading for reading in readings if reading.alarming)
    highest = max(alarms, key=lambda reading: (alarm_level(reading), reading.metric, str(reading.scope)))
    dimension = dimension_of(highest.scope)
    where = "all" if dimension is None else f"{dimension}={getattr(highest.scope, dimension)}"
    return f"{where} {signal_of(metric_of(highest, last_reported_s))}"

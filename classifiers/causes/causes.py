"""Which alarm belongs to which cause: the alarms of one service at one instant, shared out to its episodes. Pure.

The seam between judging single readings and keeping episodes: `Triage` calls `share_out` once per service and instant
that has an alarm, and does with each share what an episode goes through (confirmation, verdict, recovery).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from classifiers.causes.grouping import Cause, causes_of
from classifiers.causes.paths import Sign, connected, explains, overlap
from classifiers.causes.symptoms import HOT, Symptom, see
from classifiers.evidence.attribution import WHOLE, Attribution, dimension_of
from classifiers.evidence.evidence_table import EvidenceTable, deviation_of, loudness, metric_of, signal_of
from classifiers.evidence.series_snapshot import heard_of, stale
from classifiers.model import Anomaly, Incident, Scope

NEW_ALARMS = 6
"""A line with more alarms than this has been its episode's for long."""
FADED = 0.5
"""Share of what was its peak, below which a deviation does no longer say which part is hit."""


@dataclass(frozen=True, slots=True)
class CauseParams:
    """group_window_s: what begins so close together, errors of the onsets aside, in the same part of a service is of
    one cause."""

    group_window_s: float = 2.0

    def __post_init__(self) -> None:
        if self.group_window_s < 0:
            raise ValueError(f"group_window_s is {self.group_window_s}, expected seconds, 0 or more")


@dataclass(frozen=True, slots=True)
class Live:
    """One episode of the service as it stands before this instant. Nothing of it may be changed.

    key: its name within the service, for good. tally: what it has seen so far, quiet readings included. incident: as
    last published, None while the episode is pending. part: of the service that its cause was last said to hit. Times
    in seconds of event time; onset_at_s is None before the first alarm was dated.
    """

    key: str
    started_at_s: float
    last_alarm_s: float
    onset_at_s: float | None
    onset_error_s: float | None
    tally: EvidenceTable
    incident: Incident | None
    part: Attribution | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """What one episode gets of an instant.

    key: a live episode's, or a new one that no live episode of the service has; a new episode starts under it. The
    incident's id follows from it, so it must be made from the cause alone (such as `replica=r0 latency`): no counters,
    nothing that depends on how records were batched. readings: alarms that are this episode's and no other's, and the
    quiet readings beside them from which its scope is read. absorbs: keys of live episodes that turned out to be this
    one: a pending one is merged into it and gone, so it gets no share; a confirmed incident stays (it may get a share)
    and is inhibited as caused by this one's, once this one is confirmed too: to be said again until then. takes: lines
    (metric and scope) that other episodes have had so far and are this one's. part: of the service that its cause hits,
    where that is known better than from the readings of this episode alone, since another cause is at work too.
    """

    key: str
    readings: tuple[Anomaly, ...]
    absorbs: tuple[str, ...] = ()
    takes: tuple[tuple[str, Scope], ...] = ()
    part: Attribution | None = None


ShareOut = Callable[[Sequence[Anomaly], Sequence[Live], float, CauseParams, float], list[Share]]
"""What `share_out` is; its parameters are told there."""


def share_out(
    readings: Sequence[Anomaly], live: Sequence[Live], now_s: float, params: CauseParams, concentration_min: float,
) -> list[Share]:
    """Every alarming reading to exactly one share; every quiet one to all shares.

    readings: all of one service and model at one instant, at least one alarming. live: its episodes, oldest first.
    concentration_min: how far ahead (0..1) a replica, tenant or version must be to be singled out. An episode without
    a share had no alarm in this instant. A first alarm is shared to what explains it best; a cause of its own it
    becomes when it repeats itself, and then takes the lines that were another's until then. Called for each service
    with an alarm, once per instant: about 3 us a reading, linear in the scopes.
    """
    tallies = [episode.tally for episode in live]
    causes = causes_of(see(readings, tallies, now_s, concentration_min), params.group_window_s)
    causes, keys = _settled(causes, _matched(causes, live), live)
    heard = heard_of(readings, tallies)
    shares: dict[str, list[Anomaly]] = {}
    quiet = []
    first = live[0].key if live else _first_key(readings, heard)
    for reading in readings:
        if reading.alarming and not causes:
            shares.setdefault(first, []).append(reading)
        elif reading.alarming:
            shares.setdefault(_home(reading, metric_of(reading, heard), causes, keys), []).append(reading)
        else:
            quiet.append(reading)
    absorbed = _absorbed(causes, keys, live, now_s, params.group_window_s)
    gone = {key for found in absorbed.values() for key in found if _pending(live, key)}
    known = {episode.key for episode in live}
    parts = _parts(causes, keys, live)
    taken = {key: _lines(cause, live) for cause, key in zip(causes, keys, strict=True) if key not in known}
    return [
        Share(key, (*alarms, *quiet), absorbed.get(key, ()), taken.get(key, ()), parts.get(key))
        for key, alarms in sorted(shares.items()) if key not in gone
    ]


def _matched(causes: Sequence[Cause], live: Sequence[Live]) -> list[str]:
    """The episode of each cause: the one that has most of its alarms, each for one cause only; else its own name."""
    ranked = sorted(
        (
            (episode.key == cause.key, _shared(cause, episode.tally), -number, -at)
            for at, cause in enumerate(causes) for number, episode in enumerate(live)
        ),
        reverse=True,
    )
    keys: dict[int, str] = {}
    for same, alarms, number, at in ranked:
        if -at not in keys and live[-number].key not in keys.values() and (same or alarms > 0.0):
            keys[-at] = live[-number].key
    taken = {episode.key for episode in live}
    for at, cause in enumerate(causes):
        if at not in keys:
            # A name of its own, should another cause have the episode that is called so.
            keys[at] = cause.key if cause.key not in taken else f"{cause.key} {cause.roots[0].metric}"
    return [keys[at] for at in range(len(causes))]


def _settled(
    causes: Sequence[Cause], keys: Sequence[str], live: Sequence[Live],
) -> tuple[list[Cause], list[str]]:
    """Without new causes that are not sure enough yet to stand beside others; alone, the weightiest is."""
    known = {episode.key for episode in live}
    kept = [
        (cause, key) for cause, key in zip(causes, keys, strict=True)
        if key in known or (not cause.past and any(root.sure for root in cause.roots))
    ]
    if not kept and not live and causes:
        kept = sorted(zip(causes, keys, strict=True), key=lambda pair: (-pair[0].weight, pair[1]))[:1]
    return [cause for cause, _ in kept], [key for _, key in kept]


def _shared(cause: Cause, tally: EvidenceTable) -> float:
    """Alarms that an episode has of a cause's signs; those of its roots, where they stand out, count most."""
    inside: dict[str, int] = {}
    anywhere: dict[str, int] = {}
    signs = {seen.metric: seen for seen in cause.signs}
    for (metric, scope), line in tally.lines.items():
        seen = signs.get(metric)
        if seen is not None and line.alarms:
            anywhere[metric] = max(line.alarms, anywhere.get(metric, 0))
            if _within(scope, seen):
                inside[metric] = max(line.alarms, inside.get(metric, 0))
    roots = {seen.metric for seen in cause.roots}
    return sum(
        (3.0 if metric in roots else 1.0) * (inside.get(metric, 0) + 0.3 * alarms)
        for metric, alarms in anywhere.items()
    )


def _within(scope: Scope, seen: Symptom) -> bool:
    blame = seen.sign.blame
    return blame.dimension is None or getattr(scope, blame.dimension) == blame.value


def _home(
    reading: Anomaly, metric: str, causes: Sequence[Cause], keys: Sequence[str],
) -> str:
    """The key of the share that an alarm belongs to."""
    fits = [
        (_within(reading.scope, seen), seen.sign.blame.dimension is not None, seen.weight, at)
        for at, cause in enumerate(causes) for seen in cause.signs if seen.metric == metric
    ]
    if fits:
        return keys[max(fits)[-1]]
    dimension = dimension_of(reading.scope)
    blame = Attribution(dimension, getattr(reading.scope, dimension), 1.0) if dimension is not None else WHOLE
    sign = Sign(signal_of(metric), reading.direction, blame)
    best = max(range(len(causes)), key=lambda at: (_accounts_for(causes[at], sign), causes[at].weight, -at))
    return keys[best]


def _accounts_for(cause: Cause, sign: Sign) -> int:
    """How well a cause accounts for an alarm that has not repeated itself yet."""
    if any(overlap(root.sign.blame, sign.blame) and connected(root.sign, sign) for root in cause.roots):
        return 3
    if any(explains(root.sign, sign, leads=True) for root in cause.roots):
        return 2
    return int(any(overlap(root.sign.blame, sign.blame) for root in cause.roots))


def _absorbed(
    causes: Sequence[Cause], keys: Sequence[str], live: Sequence[Live], now_s: float, window_s: float,
) -> dict[str, tuple[str, ...]]:
    """By key, other episodes all of whose alarming lines are now seen to be that cause's, and no older than it."""
    current = [(cause, key) for cause, key in zip(causes, keys, strict=True) if not cause.over]
    owner = {seen.metric: key for cause, key in current for seen in cause.signs}
    begun = {key: cause.onset_s for cause, key in current}
    found: dict[str, tuple[str, ...]] = {}
    for episode in live:
        if episode.key in keys:
            continue
        hot = {
            metric for (metric, _), line in episode.tally.lines.items()
            if line.alarms and line.heat >= HOT and not stale(line, now_s)
        }
        owners = {owner[metric] for metric in hot & owner.keys()}
        if len(owners) == 1 and hot <= owner.keys():
            (key,) = owners
            if episode.onset_at_s is None or episode.onset_at_s >= begun[key] - window_s:
                found[key] = (*found.get(key, ()), episode.key)
    return found


def _pending(live: Sequence[Live], key: str) -> bool:
    return any(episode.key == key and episode.incident is None for episode in live)


def _parts(causes: Sequence[Cause], keys: Sequence[str], live: Sequence[Live]) -> dict[str, Attribution]:
    """By key, the part that a cause hits, of two or more at once; what is known stays where too little is left to say.

    Only beside another that is an episode already: what one instant makes of a first few alarms says little.
    """
    if len({episode.key for episode in live}.intersection(keys)) < 2:
        return {}
    placed = {episode.key: episode.tally for episode in live if episode.part is not None}
    return {
        key: cause.roots[0].sign.blame for cause, key in zip(causes, keys, strict=True)
        if not cause.over and not (key in placed and _faded(cause.roots[0], placed[key]))
    }


def _faded(root: Symptom, tally: EvidenceTable) -> bool:
    """Whether little is left of a deviation, though detectors alarm for a while yet."""
    lines = (line for (metric, _), line in tally.lines.items() if metric == root.metric and line.alarms)
    return root.sign.size < FADED * max((abs(deviation_of(line.peak)) for line in lines), default=0.0)


def _lines(cause: Cause, live: Sequence[Live]) -> tuple[tuple[str, Scope], ...]:
    """Lines of a new cause that other episodes have taken for theirs: of its roots, and of its effects if not for
    long."""
    return tuple(dict.fromkeys(
        (metric, scope)
        for episode in live for (metric, scope), line in episode.tally.lines.items()
        if line.alarms and any(
            seen.metric == metric and (_within(scope, seen) or not seen.twin)
            and (line.alarms <= NEW_ALARMS or seen in cause.roots)
            for seen in cause.signs
        )
    ))


def _first_key(readings: Sequence[Anomaly], heard: Mapping[Scope, float]) -> str:
    """The name of an episode of which nothing is known but its first alarms."""
    alarms = (one for one in readings if one.alarming)
    loudest = max(alarms, key=lambda one: (loudness(one), one.metric, str(one.scope)))
    dimension = dimension_of(loudest.scope)
    where = "all" if dimension is None else f"{dimension}={getattr(loudest.scope, dimension)}"
    return f"{where} {signal_of(metric_of(loudest, heard))}"

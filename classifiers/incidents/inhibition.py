"""Relations of open incidents: which one is an effect of which, and for how long after the cause has ended.

An effect is inhibited while a cause of it is open, and for a hold time after that. The relation itself inhibits. It is
withdrawn when the hold time is over and the effect still lasts, since the cause does not explain it then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from classifiers.incidents.dependencies import DependencyMap
from classifiers.incidents.episode import Episode
from classifiers.incidents.params import TriageParams
from classifiers.incidents.relations import MAX_EFFECTS, OpenIncident, RemoteIncidents, upstream_causes
from classifiers.model import AuditEntry


class Inhibition:
    """Relations of the open incidents of one shard with each other and with those of other shards."""

    def __init__(self, params: TriageParams) -> None:
        self._params = params
        self._dependencies = DependencyMap(params.dependencies)
        longest_s = params.accept_after_s + max(params.silent_after_s, params.flap_hold_s)
        self.remote = RemoteIncidents(self._dependencies, longest_s)
        self._onsets: list[tuple[str, float, float | None]] = []
        self._causes: dict[str, tuple[str, ...]] = {}
        """Cached result of `upstream_causes` for these onsets; most instants change none."""

    def update(self, opened: Mapping[str, Episode], now_s: float) -> tuple[list[Episode], list[AuditEntry]]:
        """Bring relations up to date. Returns the episodes whose incident changed, and the entries of the audit.

        opened: by incident id. Cost: negligible without dependencies; else about 1 us an open incident.
        """
        related = [episode for episode in opened.values() if episode.causes or episode.same_cause_as]
        if not self._dependencies and not related:
            return [], []
        self.remote.expire(now_s)
        found = self._upstream_causes(opened)
        changed: dict[str, Episode] = {}
        audit: list[AuditEntry] = []
        for episode in [*related, *(opened[effect] for effect in found if not opened[effect].causes)]:
            causes = [*found.get(episode.id, ()), *(one for one in episode.same_cause_as if one in opened)]
            for entry in self._update_causes(episode, causes, opened, now_s):
                audit.append(entry)
                changed[episode.id] = episode
        for cause, effects in self._effects(opened, found).items():
            known = opened[cause]
            more = [effect for effect in effects if effect not in known.effects]
            if more and len(known.effects) < MAX_EFFECTS:
                known.effects = (*known.effects, *more)[:MAX_EFFECTS]
                changed[cause] = known
        for episode in changed.values():
            assert episode.published is not None
            episode.published = replace(episode.published, related=episode.related)
        return list(changed.values()), audit

    def _upstream_causes(self, opened: Mapping[str, Episode]) -> dict[str, tuple[str, ...]]:
        if not self._dependencies:
            return {}
        incidents: list[OpenIncident] = [one.published for one in opened.values() if one.published is not None]
        others = list(self.remote.open.values())
        onsets = [(one.id, one.onset_at_s, one.onset_error_s) for one in (*incidents, *others)]
        if onsets != self._onsets:
            self._onsets = onsets
            self._causes = upstream_causes(incidents, others, self._dependencies, self._params.onset_slack_s)
        return self._causes

    def _update_causes(
        self, episode: Episode, causes: list[str], opened: Mapping[str, Episode], now_s: float,
    ) -> list[AuditEntry]:
        """Records the causes that are open now, and drops those that ended more than the hold time ago."""
        audit = []
        for cause in causes:
            if cause not in episode.causes:
                why = f"is explained by {cause}, which its service needs and which did not begin later"
                if cause in episode.same_cause_as:
                    why = f"turned out to have the same cause as {cause}"
                audit.append(_entry(episode, "inhibit", now_s, why))
            episode.causes[cause] = now_s
        for cause, open_until_s in list(episode.causes.items()):
            if now_s - open_until_s <= self._params.inhibit_hold_s:
                continue
            del episode.causes[cause]
            if cause in opened:
                opened[cause].effects = tuple(one for one in opened[cause].effects if one != episode.id)
            reason = f"lasts {now_s - open_until_s:.0f} s longer than {cause} explained it"
            audit.append(_entry(episode, "release", now_s, reason))
        return audit

    def _effects(
        self, opened: Mapping[str, Episode], found: Mapping[str, tuple[str, ...]],
    ) -> dict[str, list[str]]:
        """By open incident of this shard, the effects that name it now."""
        effects = {cause: list(known) for cause, known in self.remote.effects().items() if cause in opened}
        for effect in opened.values():
            for cause in (*found.get(effect.id, ()), *effect.same_cause_as):
                if cause in opened:
                    effects.setdefault(cause, []).append(effect.id)
        return effects


def _entry(episode: Episode, event: str, now_s: float, reason: str) -> AuditEntry:
    return AuditEntry(now_s, episode.subject, event, episode.phase, episode.phase, reason)

"""Keeps the relations of open incidents: which is an effect of which, from when on, and until when after the cause.

An effect is inhibited while a cause of it is open and for a hold after that. The relation is what inhibits: it is
withdrawn when the hold is over and the effect still lasts, since then the cause does not explain it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from classifiers.incidents.dependencies import DependencyMap
from classifiers.incidents.episode import Episode
from classifiers.incidents.params import TriageParams
from classifiers.incidents.relations import MAX_EFFECTS, Dated, RemoteIncidents, causes_of
from classifiers.model import AuditEntry


class Inhibition:
    """Relations over the open incidents of one shard and those it heard of from others."""

    def __init__(self, params: TriageParams) -> None:
        self._params = params
        self._dependencies = DependencyMap(params.dependencies)
        longest_s = params.accept_after_s + max(params.silent_after_s, params.flap_hold_s)
        self.foreigners = RemoteIncidents(self._dependencies, longest_s)
        self._dates: list[tuple[str, float, float | None]] = []
        self._found: dict[str, tuple[str, ...]] = {}
        """What `causes_of` said of these dates; most instants change none."""

    def tie(self, opened: Mapping[str, Episode], now_s: float) -> tuple[list[Episode], list[AuditEntry]]:
        """Bring relations up to date: the episodes whose incident tells others now, and what the audit shall say.

        opened: by incident id. Cost: nothing to speak of without dependencies; else about 1 us an open incident.
        """
        ties = [episode for episode in opened.values() if episode.causes or episode.one_with]
        if not self._dependencies and not ties:
            return [], []
        self.foreigners.expire(now_s)
        found = self._causes(opened)
        touched: dict[str, Episode] = {}
        audit: list[AuditEntry] = []
        for episode in [*ties, *(opened[effect] for effect in found if not opened[effect].causes)]:
            now = [*found.get(episode.id, ()), *(one for one in episode.one_with if one in opened)]
            for entry in self._hold(episode, now, opened, now_s):
                audit.append(entry)
                touched[episode.id] = episode
        for cause, effects in self._effects(opened, found).items():
            known = opened[cause]
            more = [effect for effect in effects if effect not in known.effects]
            if more and len(known.effects) < MAX_EFFECTS:
                known.effects = (*known.effects, *more)[:MAX_EFFECTS]
                touched[cause] = known
        for episode in touched.values():
            assert episode.published is not None
            episode.published = replace(episode.published, related=episode.related)
        return list(touched.values()), audit

    def _causes(self, opened: Mapping[str, Episode]) -> dict[str, tuple[str, ...]]:
        if not self._dependencies:
            return {}
        incidents: list[Dated] = [one.published for one in opened.values() if one.published is not None]
        others = list(self.foreigners.open.values())
        dates = [(one.id, one.onset_at_s, one.onset_error_s) for one in (*incidents, *others)]
        if dates != self._dates:
            self._dates = dates
            self._found = causes_of(incidents, others, self._dependencies, self._params.onset_slack_s)
        return self._found

    def _hold(
        self, episode: Episode, now: list[str], opened: Mapping[str, Episode], now_s: float,
    ) -> list[AuditEntry]:
        """Causes that are open now are noted, those that ended long enough ago are let go."""
        audit = []
        for cause in now:
            if cause not in episode.causes:
                why = f"is explained by {cause}, which its service needs and which did not begin later"
                if cause in episode.one_with:
                    why = f"turned out to have the same cause as {cause}"
                audit.append(_entry(episode, "inhibit", now_s, why))
            episode.causes[cause] = now_s
        for cause, seen_s in list(episode.causes.items()):
            if now_s - seen_s <= self._params.inhibit_hold_s:
                continue
            del episode.causes[cause]
            if cause in opened:
                opened[cause].effects = tuple(one for one in opened[cause].effects if one != episode.id)
            reason = f"lasts {now_s - seen_s:.0f} s longer than {cause} explained it"
            audit.append(_entry(episode, "release", now_s, reason))
        return audit

    def _effects(
        self, opened: Mapping[str, Episode], found: Mapping[str, tuple[str, ...]],
    ) -> dict[str, list[str]]:
        """By open incident of ours, the effects that name it now."""
        effects = {cause: list(known) for cause, known in self.foreigners.effects().items() if cause in opened}
        for effect in opened.values():
            for cause in (*found.get(effect.id, ()), *effect.one_with):
                if cause in opened:
                    effects.setdefault(cause, []).append(effect.id)
        return effects


def _entry(episode: Episode, event: str, now_s: float, reason: str) -> AuditEntry:
    return AuditEntry(now_s, episode.subject, event, episode.phase, episode.phase, reason)

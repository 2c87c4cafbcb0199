"""What would be learned anew under another plan, in words."""

from __future__ import annotations

from detectors.ensemble.learned_by import learned_as, learned_by
from streams.shard.changed.fingerprints import tables_hash
from streams.shard.plan import Plan


def relearning(old: Plan, new: Plan) -> tuple[str, ...]:
    """A line for each reason; empty where nothing is learned anew. Open incidents, remedies and silences go on."""
    gone = sorted(old.sources.keys() - new.sources.keys())
    if gone:
        return (f"every series: {', '.join(gone)} is no longer read",)
    if tables_hash(old) != tables_hash(new):
        return ("every series: windows or scopes are cut otherwise",)
    before, after = learned_by(old.suite), learned_by(new.suite)
    lines = [f"{name}: of every series" for name in sorted(after) if before.get(name) != after[name]]
    profiles = {profile.name: profile for profile in old.suite.profiles}
    for profile in new.suite.profiles:
        known = profiles.pop(profile.name, None)
        if known is None:
            lines.append(f"every detector: of the series that the new profile {profile.name} takes, if it differs")
        elif learned_as(known) != learned_as(profile):
            lines.append(f"every detector: of the series of profile {profile.name}")
        elif (known.metrics, known.labels) != (profile.metrics, profile.labels):
            lines.append(f"every detector: of the series that profile {profile.name} gains or loses, if they differ")
    lines += [f"every detector: of the series that profile {name} had, if they differ" for name in profiles]
    return tuple(lines)

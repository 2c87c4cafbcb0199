"""The settings in which two configurations differ, and which of them a running process can take over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from config.changes.flow import flow
from config.explain import is_duration
from config.identity import DECIDING, written
from config.models import Config
from config.source import Path
from config.units import duration_text

ONLY_AT_START = ("codec.brake", "services.owners")
"""Settings of deciding sections that a process reads only at its start, without the names of items."""
MASKED = "***"
"""What stands for a secret in a configuration as written. A section without one may differ in what is derived."""
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Change:
    """One setting. path: with dots, items of lists by name or number in brackets. before, after: as the file writes
    them, durations with their unit, None where it is not there. live: whether a running process takes it over."""

    path: str
    before: object
    after: object
    live: bool

    def __str__(self) -> str:
        return f"{self.path}: {shortened(self.before)} -> {shortened(self.after)}"


def differences(old: Config, new: Config) -> tuple[Change, ...]:
    """By path, in the order of the file. Values of secrets are not shown."""
    found = []
    for section in type(old).model_fields:
        before, after = getattr(old, section), getattr(new, section)
        changes = list(_walk(section, (section,), _readable(written(before), (section,)),
                             _readable(written(after), (section,))))
        if not changes and before != after and MASKED in flow(written(before)):
            changes = [Change(f"{section} (a secret)", None, None, False)]
        found += changes
    return tuple(found)


def with_live(old: Config, new: Config) -> Config:
    """The old configuration with what a running process takes over of the new one.

    Playbooks wait for the restart where the configured actions change too, since they may need them.
    """
    sections = [name for name in DECIDING if name != "playbooks" or old.actions == new.actions]
    taken = old.model_copy(update={name: getattr(new, name) for name in sections})
    return taken.model_copy(update={"codec": new.codec.model_copy(update={"brake": old.codec.brake})})


def waiting(started: Config, new: Config) -> tuple[Change, ...]:
    """The differences that take effect at the next start only. started: what the process was started with."""
    holds_playbooks = started.actions != new.actions
    return tuple(
        change for change in differences(started, new)
        if not change.live or (holds_playbooks and change.path.startswith("playbooks"))
    )


def _readable(value: object, place: Path) -> object:
    """The value with durations as they are written."""
    if isinstance(value, Mapping):
        return {name: _readable(one, (*place, name)) for name, one in value.items()}
    if isinstance(value, list):
        return [_readable(one, (*place, index)) for index, one in enumerate(value)]
    if isinstance(value, int | float) and not isinstance(value, bool) and is_duration(place):
        return duration_text(float(value))
    return value


def _walk(path: str, plain: tuple[str, ...], before: object, after: object) -> Iterator[Change]:
    """plain: the names on the path, without items of lists."""
    if before == after:
        return
    one, other = _items(before), _items(after)
    if one is None or other is None:
        live = plain[0] in DECIDING and not any(".".join(plain).startswith(name) for name in ONLY_AT_START)
        yield Change(path, None if before is _MISSING else before, None if after is _MISSING else after, live)
        return
    is_list = isinstance(before, list)
    names = [*one, *(name for name in other if name not in one)]
    for name in names:
        place = f"{path}[{name}]" if is_list else f"{path}.{name}"
        below = plain if is_list else (*plain, str(name))
        yield from _walk(place, below, one.get(name, _MISSING), other.get(name, _MISSING))
    if one.keys() == other.keys() and list(one) != list(other) and is_list:
        yield Change(f"{path} (their order)", list(one), list(other), plain[0] in DECIDING)


def _items(value: object) -> Mapping[object, object] | None:
    """The members of a mapping, or of a list of mappings by their names; None for anything else."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, list) and value and all(isinstance(one, Mapping) and "name" in one for one in value):
        return {one["name"]: one for one in value}
    if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
        return dict(enumerate(value))
    return None


def shortened(value: object) -> str:
    """A value as the file writes it, at most 60 characters of it; None is a setting that is not there."""
    text = "nothing" if value is None else flow(value)
    return text if len(text) <= 60 else f"{text[:57]}..."

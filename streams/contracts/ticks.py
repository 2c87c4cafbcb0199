"""Ticks: what the owner of a shard decided from its clock, as records of a log, written before their effects. Pure.

Windows of a shard close only by ticks. A tick says up to which event time windows close, and up to which offset each
topic was read before. It carries what reached the shard by other ways: directives, and incidents of other shards. So
the records of a shard and its ticks give the same incidents again, silence included, however batches are cut. It says
too where the state began, so that recorded topics can be replayed (`streams/replay/recorded_shard.py`).

The format is internal: it may change with any release. A tick of a format that cannot be read raises `TickError`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import orjson
from pydantic import TypeAdapter, ValidationError

from classifiers.directives import Directive
from classifiers.model import Incident
from classifiers.validation_errors import describe_first
from streams.contracts.catalogue import CONTROL

FORMAT = 1
_KINDS = {kind.model: kind.name for kind in CONTROL}
_DIRECTIVES: Mapping[str, TypeAdapter[Directive]] = {
    kind.name: TypeAdapter(cast("type[Directive]", kind.model)) for kind in CONTROL
}


@dataclass(frozen=True, slots=True)
class Tick:
    """One decision of the owner of a shard.

    generation: of the ownership; a tick of an older generation than one before it in the log is void. at_s: the
    owner's clock, seconds since the epoch. offsets: per topic the next offset that was not read yet; a topic that is
    missing was not read at all. close_until_s: event time up to which windows close, None to close none. flush: sources
    whose codecs give up waiting for further records. directives, incidents: to be added before windows close. lost:
    open incidents of this shard that its state does not know, to be resolved. ignored: offsets of outcomes that do not
    count, as ranges from the first to behind the last; nobody with a key signed them. configuration: what the shard
    works by from this tick on, before anything else of the tick takes effect, as `config.identity.deciding_text` writes
    it; None where it does not change.

    What follows has no effect on a shard. begins: the offset of the first record of each topic that the state had read
    nothing of at the tick before. anew: the first tick of a state that began empty. config_hash: of the configuration,
    in the first tick of an ownership.
    """

    generation: int
    at_s: float
    offsets: Mapping[str, int]
    close_until_s: float | None = None
    flush: tuple[str, ...] = ()
    directives: tuple[Directive, ...] = ()
    incidents: tuple[Incident, ...] = ()
    lost: tuple[Incident, ...] = ()
    begins: Mapping[str, int] = field(default_factory=dict)
    anew: bool = False
    config_hash: str | None = None
    ignored: tuple[tuple[int, int], ...] = ()
    configuration: str | None = None

    def ignores(self, offset: int) -> bool:
        """Whether the outcome at this offset does not count."""
        return any(first <= offset < end for first, end in self.ignored)

    @property
    def is_empty(self) -> bool:
        """Whether it has no effect but its time."""
        return self.close_until_s is None and not (
            self.flush or self.directives or self.incidents or self.lost or self.configuration
        )


class TickError(ValueError):
    """A record of the tick topic that is not a tick of this format."""


@dataclass(frozen=True, slots=True)
class _Written:
    format: int
    generation: int
    at_s: float
    offsets: dict[str, int]
    close_until_s: float | None = None
    flush: tuple[str, ...] = ()
    directives: tuple[tuple[str, dict[str, Any]], ...] = ()
    incidents: tuple[Incident, ...] = ()
    lost: tuple[Incident, ...] = ()
    begins: dict[str, int] = field(default_factory=dict)
    anew: bool = False
    config_hash: str | None = None
    ignored: tuple[tuple[int, int], ...] = ()
    configuration: str | None = None


_WRITTEN = TypeAdapter(_Written)


def name_directives(directives: Iterable[Directive]) -> list[tuple[str, Directive]]:
    """Each with the name of its kind, so that `read_directives` can tell them apart."""
    return [(_KINDS[type(each)], each) for each in directives]


def read_directives(named: Iterable[tuple[str, Mapping[str, Any]]]) -> tuple[Directive, ...]:
    """Directives from (name of the kind, fields); raises `TickError` for an unknown kind or bad fields."""
    found = []
    for name, data in named:
        if name not in _DIRECTIVES:
            raise TickError(f"directives: kind {name!r}, expected one of {', '.join(_DIRECTIVES)}")
        try:
            found.append(_DIRECTIVES[name].validate_python(data))
        except ValidationError as error:
            raise TickError(f"directives.{name}: {describe_first(error)}") from None
    return tuple(found)


def encode_tick(tick: Tick) -> bytes:
    """JSON; about 100 bytes without directives and incidents."""
    written: dict[str, Any] = {
        "format": FORMAT, "generation": tick.generation, "at_s": tick.at_s, "offsets": dict(tick.offsets),
    }
    for name in ("close_until_s", "config_hash", "configuration"):
        if getattr(tick, name) is not None:
            written[name] = getattr(tick, name)
    if tick.directives:
        written["directives"] = name_directives(tick.directives)
    for name in ("flush", "incidents", "lost", "begins", "anew", "ignored"):
        if getattr(tick, name):
            written[name] = getattr(tick, name)
    return orjson.dumps(written)


def decode_tick(value: bytes | None) -> Tick:
    """What `encode_tick` wrote; raises `TickError` naming the field."""
    if value is None:
        raise TickError("empty value, expected a JSON object")
    try:
        written = _WRITTEN.validate_json(value)
        if written.format != FORMAT:
            raise TickError(f"format {written.format}, expected {FORMAT}")
        directives = read_directives(written.directives)
    except ValidationError as error:
        raise TickError(describe_first(error)) from None
    return Tick(
        written.generation, written.at_s, written.offsets, written.close_until_s, written.flush, directives,
        written.incidents, written.lost, written.begins, written.anew, written.config_hash,
        written.ignored, written.configuration,
    )

"""Settings of many places at once: those at a path with stars, and the names that one holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from config.source import Path, as_list, as_mapping


def settings_at(written: object, path: str) -> Iterator[tuple[Path, object]]:
    """The settings at a path, each with its place. path: with dots, and a star for each item of a list or mapping.

    >>> list(settings_at({"services": [{"match": "a"}, {"tier": 1}, {"match": "b"}]}, "services.*.match"))
    [(('services', 0, 'match'), 'a'), (('services', 2, 'match'), 'b')]
    """
    yield from _walk(written, path.split("."), ())


def names_of(value: object) -> Iterator[tuple[Path, str]]:
    """The names of a list, of a text with commas or of a mapping's keys, each with its place in the value.

    >>> list(names_of("a, b")), list(names_of(["a"])), list(names_of({"a": 1}))
    ([((), 'a'), ((), 'b')], [((0,), 'a')], [(('a',), 'a')])
    """
    if isinstance(value, str):
        yield from (((), part.strip()) for part in value.split(",") if part.strip())
    for index, name in enumerate(as_list(value)):
        if isinstance(name, str):
            yield (index,), name
    yield from (((name,), name) for name in as_mapping(value))


def _walk(value: object, steps: Sequence[str], at: Path) -> Iterator[tuple[Path, object]]:
    if not steps:
        yield at, value
    elif steps[0] != "*":
        if steps[0] in as_mapping(value):
            yield from _walk(as_mapping(value)[steps[0]], steps[1:], (*at, steps[0]))
    else:
        items: list[tuple[str | int, object]] = [*as_mapping(value).items(), *enumerate(as_list(value))]
        for key, item in items:
            yield from _walk(item, steps[1:], (*at, key))

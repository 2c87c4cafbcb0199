"""The operator's map of service dependencies, followed from an effect to every service that may be its cause."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter

WILD = frozenset("*?[")
MAX_CACHED = 10_000
"""Services whose upstream is cached; beyond that it is computed again."""


@dataclass(frozen=True, slots=True)
class Dependency:
    """A service depends on others, directly. All are shell patterns (`*`, `?`, `[abc]`). None depends on itself."""

    service: str
    on: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.service:
            raise ValueError("service is '', expected a name or a pattern")
        if not self.on or not all(self.on):
            raise ValueError(f"on is {list(self.on)}, expected names or patterns of services, at least one")


class DependencyMap:
    """The map, with indirect dependencies. Raises `ValueError` naming the circle, if there is one.

    A pattern covers another one if it fits the other read as a name: `vector*` covers `vectordb`.
    """

    def __init__(self, dependencies: Sequence[Dependency]) -> None:
        self._plain: dict[str, list[str]] = {}
        self._wild: list[Dependency] = []
        for one in dependencies:
            if _is_wild(one.service):
                self._wild.append(one)
            else:
                self._plain.setdefault(one.service, []).extend(one.on)
        self._on = sorted({pattern for one in dependencies for pattern in one.on})
        self._upstream: dict[str, tuple[str, ...]] = {}
        circle = self._circle()
        if circle:
            raise ValueError(f"dependencies is {' -> '.join(circle)}, expected no service that needs itself")

    def __bool__(self) -> bool:
        return bool(self._on)

    def upstream(self, service: str) -> tuple[str, ...]:
        """The patterns of every service that this one depends on, directly or indirectly. Cached by service."""
        found = self._upstream.get(service)
        if found is None:
            reached = dict.fromkeys(self._needs(service))
            waiting = list(reached)
            while waiting:
                for pattern in self._needs(waiting.pop()):
                    if pattern not in reached:
                        reached[pattern] = None
                        waiting.append(pattern)
            if len(self._upstream) >= MAX_CACHED:
                self._upstream.clear()
            found = self._upstream[service] = tuple(sorted(reached))
        return found

    def explains(self, service: str) -> bool:
        """Whether any service may depend on this one."""
        return any(fnmatchcase(service, pattern) for pattern in self._on)

    def candidates(self, services: Iterable[str], among: Mapping[str, object]) -> dict[str, list[str]]:
        """By service, which of `among` it depends on. A service that depends on none is left out.

        Each pattern is compared once with each of `among`. A plain name is looked up: its cost is that of the answer.
        """
        fits: dict[str, list[str]] = {}
        found: dict[str, list[str]] = {}
        for service in services:
            needed: set[str] = set()
            for pattern in self.upstream(service):
                if pattern not in fits:
                    fits[pattern] = _fitting(pattern, among)
                needed.update(fits[pattern])
            needed.discard(service)
            if needed:
                found[service] = sorted(needed)
        return found

    def _needs(self, service: str) -> list[str]:
        """The direct dependencies of a service. `service` may be a pattern itself, when the path leads through one."""
        found = list(self._plain.get(service, ()))
        for one in self._wild:
            if fnmatchcase(service, one.service) or (_is_wild(service) and fnmatchcase(one.service, service)):
                found += one.on
        if _is_wild(service):
            found += [on for name, needed in self._plain.items() if fnmatchcase(name, service) for on in needed]
        return found

    def _circle(self) -> list[str]:
        """The names on a path that ends where it began, empty when there is none."""
        names = dict.fromkeys(sorted({*self._plain, *(one.service for one in self._wild), *self._on}))
        fits: dict[str, list[str]] = {}
        graph: dict[str, list[str]] = {}
        for name in names:
            own = self._plain.get(name, [])
            covered = [on for one in self._wild if fnmatchcase(name, one.service) for on in one.on]
            # "Everything depends on the broker" covers the broker itself, which does not depend on itself.
            needs = [*own, *(on for on in covered if on != name or _is_wild(name))]
            for on in needs:
                fits[on] = fits[on] if on in fits else _fitting(on, names)
            graph[name] = sorted({other for on in needs for other in fits[on]})
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            return list(reversed(error.args[1]))
        return []


def _is_wild(pattern: str) -> bool:
    return not WILD.isdisjoint(pattern)


def _fitting(pattern: str, among: Mapping[str, object]) -> list[str]:
    if not _is_wild(pattern):
        return [pattern] if pattern in among else []
    return [name for name in among if name == pattern or fnmatchcase(name, pattern)]

"""Which service needs which: the operator's map, read forwards from an effect to everything that may be its cause."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter

WILD = frozenset("*?[")
MAX_REMEMBERED = 10_000
"""Services whose upstream is kept; beyond that it is worked out again."""


@dataclass(frozen=True, slots=True)
class Dependency:
    """A service needs others, directly. All are shell patterns (`*`, `?`, `[abc]`); no service needs itself."""

    service: str
    on: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.service:
            raise ValueError("service is '', expected a name or a pattern")
        if not self.on or not all(self.on):
            raise ValueError(f"on is {list(self.on)}, expected names or patterns of services, at least one")


class DependencyMap:
    """The map, closed over what is needed indirectly. Raises `ValueError` naming the circle, if there is one.

    Of two patterns one is taken to cover the other where it fits it read as a name: `vector*` covers `vectordb`.
    """

    def __init__(self, dependencies: Sequence[Dependency]) -> None:
        self._dependencies = tuple(dependencies)
        self._upstream: dict[str, tuple[str, ...]] = {}
        circle = self._circle()
        if circle:
            raise ValueError(f"dependencies is {' -> '.join(circle)}, expected no service that needs itself")

    def __bool__(self) -> bool:
        return bool(self._dependencies)

    def upstream(self, service: str) -> tuple[str, ...]:
        """The patterns of every service that this one needs, directly or through others; worked out once a service."""
        found = self._upstream.get(service)
        if found is None:
            reached = dict.fromkeys(self._needs(service))
            waiting = list(reached)
            while waiting:
                for pattern in self._needs(waiting.pop()):
                    if pattern not in reached:
                        reached[pattern] = None
                        waiting.append(pattern)
            if len(self._upstream) >= MAX_REMEMBERED:
                self._upstream.clear()
            found = self._upstream[service] = tuple(sorted(reached))
        return found

    def depends(self, service: str, on: str) -> bool:
        """Whether one service needs another, directly or through others."""
        return service != on and any(fnmatchcase(on, pattern) for pattern in self.upstream(service))

    def explains(self, service: str) -> bool:
        """Whether any service may need this one."""
        return any(fnmatchcase(service, pattern) for one in self._dependencies for pattern in one.on)

    def candidates(self, services: Iterable[str], among: Mapping[str, object]) -> dict[str, list[str]]:
        """By service, which of `among` it needs; one that needs none is left out.

        Each pattern is compared once with each of `among`, and a plain name looked up: cost is that of the answer.
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
        """What a service needs directly; `service` may be a pattern itself, when the way leads through one."""
        return [pattern for one in self._dependencies if _meet(service, one.service) for pattern in one.on]

    def _circle(self) -> list[str]:
        """Names on a way that ends where it began, empty when there is none."""
        names = sorted({name for one in self._dependencies for name in (one.service, *one.on)})
        graph: dict[str, list[str]] = {}
        for name in names:
            rules = [one for one in self._dependencies if name == one.service or fnmatchcase(name, one.service)]
            needs = {on for one in rules for on in one.on}
            fitting = {other for other in names for on in needs if other == on or fnmatchcase(other, on)}
            # "Everything needs the broker" covers the broker, which does not need itself for that.
            if not WILD.intersection(name) and not any(name in one.on for one in rules if one.service == name):
                fitting.discard(name)
            graph[name] = sorted(fitting)
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            return list(reversed(error.args[1]))
        return []


def _meet(a: str, b: str) -> bool:
    return a == b or fnmatchcase(a, b) or (bool(WILD.intersection(a)) and fnmatchcase(b, a))


def _fitting(pattern: str, among: Mapping[str, object]) -> list[str]:
    if not WILD.intersection(pattern):
        return [pattern] if pattern in among else []
    return [name for name in among if fnmatchcase(name, pattern)]

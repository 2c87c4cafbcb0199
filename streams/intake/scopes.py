"""The table of scopes: each marginal of the labels has a small integer.

A sample with service, model, version, replica and tenant belongs to four scopes: to its service and model, and to its
version, replica and tenant within them. There is no cross product: a thousand tenants on a hundred replicas are 1,101
scopes. One table a shard, shared by its sources. About 400 bytes a scope.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import NamedTuple

import numpy as np

from actions.trust.hashed_labels import Published
from classifiers.model import Scope
from detectors.base import IntArray
from streams.intake.columns import Labels

NONE = -1
UNKNOWN = -2
REMEMBERED = 1 << 14
"""Combinations of labels whose numbers are remembered. A fleet may have more: then they are forgotten now and then."""
Combination = tuple[str | None, ...]
"""Service, model and the marginals of a sample."""


class _Values(dict[str | None, int]):
    """Scope numbers by label value: UNKNOWN for a new value, NONE for an absent one."""

    def __missing__(self, value: str | None) -> int:
        return NONE if not value else UNKNOWN


class _Group(NamedTuple):
    base: int
    values: tuple[_Values, ...]


class ScopeTable:
    """Numbers scopes 0, 1, 2, ...; a number is reused only after `release`.

    capacity: scopes in all. max_values_per_label: distinct values of one label (also of `model`) within a service, so
    that one noisy label cannot push out the others. A value beyond either gets no scope of its own: its samples still
    count in the other scopes, and `overflowed` counts them by label. published: by label, how its values are named in
    scopes; what comes after the table, and a snapshot, has these names alone.

    The combinations of labels that were seen are remembered with their numbers, up to `REMEMBERED` of them.
    """

    def __init__(
        self, capacity: int = 20_000, marginals: Sequence[str] = ("version", "replica", "tenant"),
        max_values_per_label: int = 1000, published: Mapping[str, Published] | None = None,
    ) -> None:
        unknown = set(marginals) - {"version", "replica", "tenant"}
        if unknown or capacity < 1 or max_values_per_label < 1:
            raise ValueError(
                f"scopes: capacity {capacity}, max_values_per_label {max_values_per_label}, marginals {marginals};"
                " expected positive limits and marginals out of version, replica, tenant",
            )
        self.capacity = capacity
        self.marginals = tuple(marginals)
        self.max_values_per_label = max_values_per_label
        self._published = published or {}
        self.names: list[Scope | None] = []
        self.overflowed: Counter[str] = Counter()
        self.is_full = False
        """Something was refused since the last `release`: time to release idle scopes."""
        self._free: list[int] = []
        self._groups: dict[tuple[str | None, str | None], _Group] = {}
        self._uses: dict[tuple[str, str], Counter[str]] = {}
        self._unknown = _Group(UNKNOWN, tuple(_Values() for _ in self.marginals))
        self._places: dict[Combination, int] = {}
        self._columns = np.full((1 + len(self.marginals), 1 + REMEMBERED), UNKNOWN, np.int32)
        """Scope numbers by place; at place 0 those of a combination that is not remembered."""

    def __len__(self) -> int:
        return len(self.names) - len(self._free)

    def take_overflowed(self) -> Counter[str]:
        """How many samples got no scope of their own since the last call, by label."""
        overflowed, self.overflowed = self.overflowed, Counter()
        return overflowed

    def find(self, labels: Sequence[Combination]) -> IntArray:
        """(1 + marginals, n) scope numbers; the column of a sample with anything new holds UNKNOWN somewhere.

        labels: of n samples, service, model and the marginals. About 0.2 us a sample.
        """
        places = np.fromiter(map(self._places.get, labels, repeat(0)), np.intp, len(labels))
        found = self._columns[:, places].astype(np.intp)
        for at in np.flatnonzero(places == 0).tolist():
            found[:, at] = self._look_up(labels[at])
        return found

    def _look_up(self, labels: Combination) -> list[int]:
        """The scope numbers of a combination, which is remembered when it has nothing new."""
        group = self._groups.get((labels[0], labels[1]), self._unknown)
        numbers = [group.base, *(known[value] for known, value in zip(group.values, labels[2:], strict=True))]
        if UNKNOWN not in numbers:
            if len(self._places) == REMEMBERED:
                self._places.clear()
            place = self._places.setdefault(labels, 1 + len(self._places))
            self._columns[:, place] = numbers
        return numbers

    def intern(self, labels: Labels) -> list[int]:
        """The scope numbers of these labels, with new numbers for new scopes; NONE for an absent label or without
        room."""
        key = (labels.service, labels.model or None)
        group = self._groups.get(key) or self._new_group(key)
        if group is None:
            return [NONE] * (1 + len(self.marginals))
        if labels.model == "":
            self._groups[labels.service, ""] = group
        numbers = [group.base]
        for marginal, known in zip(self.marginals, group.values, strict=True):
            value: str | None = getattr(labels, marginal)
            number = known[value]
            if number == UNKNOWN and value is not None:
                number = self._new_value(key, marginal, value, known)
            numbers.append(number)
        return numbers

    def _new_value(self, key: tuple[str, str | None], marginal: str, value: str, known: _Values) -> int:
        published = self._published.get(marginal)
        name = value if published is None else published(value)
        number = known[name]
        if number == UNKNOWN:
            number = self._new(Scope(*key, **{marginal: name}), marginal, name)
        if number != NONE:
            known[name] = known[value] = number
        return number

    def _new_group(self, key: tuple[str, str | None]) -> _Group | None:
        base = self._new(Scope(*key), "model", key[1] or "")
        if base == NONE:
            return None
        group = _Group(base, tuple(_Values() for _ in self.marginals))
        self._groups[key] = group
        return group

    def _new(self, scope: Scope, label: str, value: str) -> int:
        uses = self._uses.setdefault((scope.service, label), Counter())
        crowded = value not in uses and len(uses) >= self.max_values_per_label
        if crowded or (not self._free and len(self.names) >= self.capacity):
            self.overflowed[label] += 1
            self.is_full = True
            if not uses:
                del self._uses[scope.service, label]
            return NONE
        uses[value] += 1
        if self._free:
            number = self._free.pop()
            self.names[number] = scope
            return number
        self.names.append(scope)
        return len(self.names) - 1

    def marginal_of(self, scope: Scope) -> tuple[str, str]:
        """The label that distinguishes this scope within its service, and its value; `model` for the widest scope."""
        for marginal in self.marginals:
            value: str | None = getattr(scope, marginal)
            if value is not None:
                return marginal, value
        return "model", scope.model or ""

    def release(self, numbers: Iterable[int]) -> None:
        """Free numbers that are no longer in use. With a widest scope its narrower ones must be released too."""
        self._places.clear()
        for number in numbers:
            scope = self.names[number]
            if scope is None:
                continue
            label, value = self.marginal_of(scope)
            key = (scope.service, scope.model)
            if label == "model":
                self._groups.pop(key, None)
                if scope.model is None:
                    self._groups.pop((scope.service, ""), None)
            elif key in self._groups:
                values = self._groups[key].values[self.marginals.index(label)]
                values.pop(value, None)
                if label in self._published:
                    for raw in [raw for raw, each in values.items() if each == number]:
                        del values[raw]
            uses = self._uses[scope.service, label]
            uses[value] -= 1
            if not uses[value]:
                del uses[value]
            if not uses:
                del self._uses[scope.service, label]
            self.names[number] = None
            self._free.append(number)
        self.is_full = False

    def snapshot(self) -> list[tuple[str | None, ...] | None]:
        """The scopes by number, as (service, model, version, replica, tenant); JSON-able."""
        return [
            None if scope is None else (scope.service, scope.model, scope.version, scope.replica, scope.tenant)
            for scope in self.names
        ]

    def restore(self, scopes: Sequence[Sequence[str | None] | None]) -> None:
        """Restore the scopes of a snapshot into an empty table; raises ValueError for what is not such a list."""
        if self.names:
            raise ValueError(f"scope table: holds {len(self)} scopes, expected none before a restore")
        self.names = [None] * len(scopes)
        self._free = [number for number, entry in enumerate(scopes) if entry is None]
        restored: list[tuple[int, Scope]] = []
        for number, entry in enumerate(scopes):
            if entry is not None:
                if len(entry) != 5 or not isinstance(entry[0], str):
                    raise ValueError(f"scope table entry {number}: {entry!r}, expected five labels")
                restored.append((number, Scope(entry[0], *entry[1:])))
        for number, scope in sorted(restored, key=lambda item: self.marginal_of(item[1])[0] != "model"):
            self._put_back(number, scope)

    def _put_back(self, number: int, scope: Scope) -> None:
        label, value = self.marginal_of(scope)
        self._uses.setdefault((scope.service, label), Counter())[value] += 1
        self.names[number] = scope
        key = (scope.service, scope.model)
        if label == "model":
            self._groups[key] = _Group(number, tuple(_Values() for _ in self.marginals))
        elif key in self._groups:
            self._groups[key].values[self.marginals.index(label)][value] = number
        else:
            raise ValueError(f"scope table entry {number}: {scope}, expected its service and model to be there too")

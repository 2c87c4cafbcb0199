"""Metric families: each is declared in one place with its name, help, labels, and the label values it starts with.

A closed set of label values is given with its label. Its children exist from the start with the value 0, because
`rate()` over a counter that appears with its first event misses that event. `OPEN` stands for values that are not known
in advance.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import product

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

OPEN: tuple[str, ...] = ()
"""Label values that are not known in advance: the family starts without children."""


class Families:
    """Creates metric families in one registry. Each label is given as `name=values`, in the order of `labels(...)`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        # Prometheus has no use for these lines, which would be a third of the page.
        disable_created_metrics()  # type: ignore[no-untyped-call]

    def counter(self, name: str, text: str, **labels: Iterable[str]) -> Counter:
        """A counter; its samples get the suffix `_total`."""
        family = Counter(name, text, tuple(labels), registry=self._registry)
        _initialise(family, labels.values())
        return family

    def gauge(self, name: str, text: str, **labels: Iterable[str]) -> Gauge:
        """A gauge."""
        family = Gauge(name, text, tuple(labels), registry=self._registry)
        _initialise(family, labels.values())
        return family

    def histogram(self, name: str, text: str, buckets: Sequence[float], **labels: Iterable[str]) -> Histogram:
        """A histogram; buckets: upper bounds, ascending."""
        family = Histogram(name, text, tuple(labels), buckets=buckets, registry=self._registry)
        _initialise(family, labels.values())
        return family


def _initialise(family: Counter | Gauge | Histogram, values: Iterable[Iterable[str]]) -> None:
    sets = tuple(tuple(each) for each in values)
    for labels in product(*sets) if sets else ():
        family.labels(*labels)


def remove_child(family: Gauge, *labels: str) -> None:
    """Remove the child with these label values; does nothing when there is none."""
    with suppress(KeyError):  # whether `remove` raises for an unknown child depends on the version
        family.remove(*labels)

"""A service of some replicas as windows of its request rates, for `Traffic`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from classifiers.model import Scope
from detectors.base import Block
from streams.presence.traffic import Traffic

T = 1_795_420_000.0
RATE = "requests_per_s"


def block(values: Mapping[int, float], start_s: float, span_s: float = 1.0, count: float = 10.0) -> Block:
    """One window a row."""
    rows = np.array(list(values), np.intp)
    value, number = np.array(list(values.values()), np.float64), len(values)
    start = np.full(number, start_s)
    return Block(rows, start, start + span_s, value, np.full(number, count), np.zeros(number), value, value)


class BalancedService:
    """Row 0 is the whole, rows 1, 2, ... are its replicas r1, r2, ...; row 100 is the latency of the whole."""

    def __init__(self, replicas: int = 4, aggregated: bool = False, latency_ms: float | None = None) -> None:
        self.aggregated = aggregated
        self.latency_ms = latency_ms
        self.traffic = Traffic(1.0, frozenset({RATE}))
        self.now_s = T
        self.names = {f"r{number}": number for number in range(1, replicas + 1)}
        self.admit(self.traffic)

    def admit(self, traffic: Traffic) -> None:
        """Set up the rows."""
        traffic.admit(0, RATE, Scope("chat"), 0, self.aggregated)
        traffic.admit(100, "latency_ms", Scope("chat"), 0, self.aggregated)
        for name, row in self.names.items():
            traffic.admit(row, RATE, Scope("chat", replica=name), 0, self.aggregated)

    def serve(self, seconds: float, span_s: float = 1.0, **per_s: float) -> None:
        """Windows in which the named replicas serve so much; the others report nothing."""
        until_s = self.now_s + seconds
        while self.now_s < until_s - 1e-9:
            values = {self.names[name]: rate for name, rate in per_s.items()}
            found = block({0: sum(values.values())} | values, self.now_s, span_s)
            self.traffic.observe(self.traffic.with_totals(found), found.end_s)
            if self.latency_ms is not None:
                late = block({100: self.latency_ms}, self.now_s, span_s)
                self.traffic.observe(late, late.end_s)
            self.now_s += span_s

    def scope(self, name: str) -> Scope:
        """The scope of a replica."""
        return Scope("chat", replica=name)

"""Which rows of the series table say what of the traffic of services. Derived from the table; not in a snapshot."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from classifiers.evidence.attribution import dimension_of
from classifiers.model import Scope
from detectors.base import IntArray

LATENCY, TOKEN_RATE = "latency_ms", "tokens_per_s"
IN_FLIGHT = frozenset({"batch_active", "queue_depth"})


@dataclass(slots=True)
class ServiceRows:
    """The rows of one service and model, by what they hold. whole, replicas: request rates; replicas by name.

    token_whole, token_replicas: the same of the token rate. latency: of the whole. in_flight: requests that run or
    wait, by replica.
    """

    whole: int | None = None
    replicas: dict[str, int] = field(default_factory=dict)
    token_whole: int | None = None
    token_replicas: dict[str, int] = field(default_factory=dict)
    latency: int | None = None
    in_flight: dict[str, list[int]] = field(default_factory=dict)

    def summed(self) -> dict[int, IntArray]:
        """By row of a whole rate, the rows whose values add up to it."""
        pairs = ((self.whole, self.replicas), (self.token_whole, self.token_replicas))
        return {row: np.array(sorted(parts.values()), np.intp) for row, parts in pairs if row is not None and parts}


_NO_ROWS = ServiceRows()


class TrafficRows:
    """rate_metrics: the metrics that count requests. services: by the number of a service and model."""

    def __init__(self, rate_metrics: frozenset[str]) -> None:
        self._rate_metrics = rate_metrics
        self.services: dict[int, ServiceRows] = {}
        self._owner: dict[int, int] = {}

    def is_extensive(self, metric: str) -> bool:
        """Whether a metric counts requests or tokens, so that the values of parts add up to that of the whole."""
        return metric in self._rate_metrics or metric == TOKEN_RATE

    def counts_requests(self, metric: str) -> bool:
        """Whether a metric is a request rate."""
        return metric in self._rate_metrics

    def admit(self, row: int, metric: str, scope: Scope, service: int, aggregated: bool) -> bool:
        """Set up a new row; returns whether it says anything of the traffic."""
        dimension = dimension_of(scope)
        of_whole, of_replica = dimension is None, dimension == "replica"
        is_rate, is_tokens = metric in self._rate_metrics, metric == TOKEN_RATE
        is_in_flight = metric in IN_FLIGHT and aggregated and of_replica
        is_extensive = (is_rate or is_tokens) and (of_whole or of_replica)
        if not (is_extensive or is_in_flight or (metric == LATENCY and of_whole)):
            return False
        rows = self.services.setdefault(service, ServiceRows())
        self._owner[row] = service
        replica = str(scope.replica)
        if metric == LATENCY:
            rows.latency = row
        elif is_in_flight:
            rows.in_flight.setdefault(replica, []).append(row)
        elif of_whole:
            rows.whole, rows.token_whole = (row, rows.token_whole) if is_rate else (rows.whole, row)
        else:
            (rows.replicas if is_rate else rows.token_replicas)[replica] = row
        return True

    def of(self, service: int) -> ServiceRows:
        """The rows of a service by its number; none of one that says nothing of its traffic."""
        return self.services.get(service, _NO_ROWS)

    def service_of(self, row: int) -> ServiceRows:
        """The rows of the service of a row; raises `KeyError` for one that says nothing of the traffic."""
        return self.services[self._owner[row]]

    def forget(self, gone: IntArray) -> None:
        """Rows that were evicted."""
        for row in gone.tolist():
            service = self._owner.pop(row, None)
            if service is None:
                continue
            rows = self.services[service]
            rows.whole, rows.token_whole, rows.latency = (
                None if known == row else known for known in (rows.whole, rows.token_whole, rows.latency)
            )
            rows.replicas, rows.token_replicas = (
                {name: known for name, known in parts.items() if known != row}
                for parts in (rows.replicas, rows.token_replicas)
            )
            rows.in_flight = {
                name: kept for name, known in rows.in_flight.items() if (kept := [one for one in known if one != row])
            }

"""Native records: one JSON object per answered request, in the order in which the answers came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import merge

import numpy as np
import orjson

from benchmarks.ordinary.generator.simulate import Requests


def native_records(served: Sequence[Requests], origin_s: float, length_s: float) -> Iterator[tuple[int, bytes]]:
    """The records of all services by offset, up to the end of the run. Written when a request is done; made one by one.
    """
    merged = merge(*(_rows(requests, origin_s, length_s) for requests in served), key=lambda row: row[0])
    return ((offset, value) for offset, (_, value) in enumerate(merged))


def _rows(requests: Requests, origin_s: float, length_s: float) -> Iterator[tuple[float, bytes]]:
    service = requests.service
    """Time and record of each answer, in order of time."""
    chosen = np.flatnonzero(~requests.lost & (requests.done_s < length_s) & (requests.replica >= 0))
    chosen = chosen[np.argsort(requests.done_s[chosen], kind="stable")]
    replicas = [(one.name, one.version) for one in service.replicas]
    columns = (
        (requests.done_s[chosen] + origin_s).round(3), requests.replica[chosen], requests.tenant[chosen],
        requests.failed[chosen], (requests.latency_s[chosen] * 1000).round(1),
        (requests.ttft_s[chosen] * 1000).round(1), (requests.tpot_s[chosen] * 1000).round(2),
        ((requests.begun_s - requests.arrival_s)[chosen] * 1000).round(1), requests.prompt[chosen].astype(np.int64),
        requests.completion[chosen].astype(np.int64), requests.confidence[chosen].round(4),
        requests.cached[chosen].round(3), requests.cut[chosen].astype(np.int64),
    )
    for ts, replica, tenant, failed, latency, ttft, tpot, queue, prompt, completion, confidence, cached, cut in zip(
        *(column.tolist() for column in columns), strict=True,
    ):
        metrics: dict[str, float] = {"latency_ms": latency, "prompt_tokens": prompt, "error": int(failed)}
        if not failed:
            metrics |= {
                "ttft_ms": ttft, "tpot_ms": tpot, "queue_ms": queue, "completion_tokens": completion,
                "confidence": confidence, "prefix_cache_reuse": cached, "truncated": cut,
            }
        name, version = replicas[replica]
        yield ts, orjson.dumps({
            "ts": ts, "service": service.name, "model": service.model, "version": version, "replica": name,
            "tenant": requests.tenants[tenant], "metrics": metrics,
        })

"""A series that a person asks to see is published by the shard that has it, and no tick says so."""

from __future__ import annotations

import pytest

from classifiers.viewing_by_hand import Watch
from streams.contracts.envelopes import read_service_series
from streams.shard.recent import service_series
from tests.streams.fakes import T, batch, requests
from tests.streams.worker.fixtures import TOPICS, WorkerFixture


async def test_a_watched_replica_is_published_and_the_ticks_are_those_without_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service_series, "MAX_PARTS_TOP", 0)
    replicas, ticks = [], []
    for watches in ([], [Watch("chat", "gpt", "latency_ms", "replica/r1", "vera", T, T + 300.0)]):
        worker = WorkerFixture(now_s=T)
        await worker.open()
        worker.manager.watch(watches)
        for second in range(30):
            worker.now_s = max(worker.now_s, T + second + 1.0)
            await worker.processor.process(batch(requests(1, start=second), first=10 * second))
        messages = [one for one in worker.log.on(TOPICS.series) if (one.key or b"").startswith(b"service/")]
        told = [read_service_series(one.value) for one in messages]
        replicas.append({one.scope.replica for each in told for one in each.top if one.metric == "latency_ms"})
        ticks.append(worker.log.ticks())
    assert replicas == [{None}, {None, "r1"}]
    assert ticks[0] == ticks[1]

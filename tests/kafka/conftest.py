"""One broker of each kind for each test process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.exercised import EXERCISED
from tests.kafka.brokers import EmbeddedKafka, KafkaMissing, RealKafka, skip_without
from tests.kafka.harness import Bench

Broker = EmbeddedKafka | RealKafka


@pytest.fixture(scope="session")
def embedded() -> Iterator[EmbeddedKafka]:
    broker = EmbeddedKafka()
    EXERCISED[broker.name] = f"yes, at {broker.address}"
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealKafka]:
    """Apache Kafka. Without Java 17 and jars it is skipped, unless TOCSIN_REQUIRE_KAFKA=1 makes that a failure."""
    try:
        broker = RealKafka(tmp_path_factory.mktemp("kafka"))
    except KafkaMissing as error:
        EXERCISED[RealKafka.name] = f"NO ({error})"
        skip_without(error)
    EXERCISED[broker.name] = f"yes, at {broker.address}"
    yield broker
    broker.stop()


@pytest.fixture(params=["embedded", "real"])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Each of the two in turn."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, EmbeddedKafka | RealKafka)
    return found


@pytest_asyncio.fixture
async def bench(broker: Broker, tmp_path: Path) -> AsyncIterator[Bench]:
    async with Bench(broker.address, tmp_path) as bench:
        yield bench


@pytest_asyncio.fixture
async def embedded_bench(embedded: EmbeddedKafka, tmp_path: Path) -> AsyncIterator[Bench]:
    """For what does not depend on the kind of broker."""
    async with Bench(embedded.address, tmp_path) as bench:
        yield bench


@pytest_asyncio.fixture
async def real_bench(real: RealKafka, tmp_path: Path) -> AsyncIterator[Bench]:
    """For what the embedded broker cannot do: die and come back, throw a member out."""
    async with Bench(real.address, tmp_path) as bench:
        yield bench

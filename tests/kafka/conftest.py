"""One broker of each kind for the whole run, and a last line that says which of them were exercised."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.kafka.brokers import EmbeddedKafka, KafkaMissing, RealKafka

Broker = EmbeddedKafka | RealKafka
EXERCISED: dict[str, str] = {}


@pytest.fixture(scope="session", params=[EmbeddedKafka.name, RealKafka.name])
def broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A running broker. Without Java 17 and jars the real one is skipped, unless TOCSIN_REQUIRE_KAFKA=1."""
    name = str(request.param)
    try:
        running = EmbeddedKafka() if name == EmbeddedKafka.name else RealKafka(tmp_path_factory.mktemp("kafka"))
    except KafkaMissing as error:
        EXERCISED[name] = f"no ({error})"
        if os.environ.get("TOCSIN_REQUIRE_KAFKA") == "1":
            pytest.fail(f"TOCSIN_REQUIRE_KAFKA=1, but {error}")
        pytest.skip(str(error))
    EXERCISED[name] = f"yes, at {running.address}"
    yield running
    running.stop()


@pytest.fixture
def real(broker: Broker) -> RealKafka:
    """The real broker, for tests of what the embedded one cannot do: die and come back, hold much data."""
    if not isinstance(broker, RealKafka):
        pytest.skip("the embedded broker has no data to come back with")
    return broker


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if EXERCISED:
        terminalreporter.write_line("brokers exercised: " + "; ".join(f"{k}: {v}" for k, v in EXERCISED.items()))

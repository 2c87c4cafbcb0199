"""What a run on a real Kafka needs."""

from __future__ import annotations

import os

import pytest

from tests.kafka.brokers import KafkaMissing, find_jars, find_java


@pytest.fixture
def real_kafka() -> None:
    """Without Java 17 and jars the test is skipped, unless TOCSIN_REQUIRE_KAFKA=1 makes that a failure."""
    try:
        find_java()
        find_jars()
    except KafkaMissing as error:
        if os.environ.get("TOCSIN_REQUIRE_KAFKA") == "1":
            pytest.fail(f"TOCSIN_REQUIRE_KAFKA=1, but {error}")
        pytest.skip(str(error))

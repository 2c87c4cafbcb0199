"""An installation on the real broker."""

from __future__ import annotations

from pathlib import Path

import pytest_asyncio

from tests.kafka.brokers import RealKafka
from tests.kafka.respond.installation import Installation


@pytest_asyncio.fixture
async def real_installation(real: RealKafka, tmp_path: Path) -> Installation:
    """With its topics, and people: anna and ben approve, cleo commands, dan responds."""
    made = Installation(real.address, tmp_path)
    await made.prepare()
    return made

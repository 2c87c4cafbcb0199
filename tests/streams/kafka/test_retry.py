"""What is about reachability is tried again for a limited time; anything else is raised at once."""

from __future__ import annotations

import pytest
from aiokafka.errors import (  # type: ignore[import-untyped]
    KafkaConnectionError,
    NodeNotReadyError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from streams.cluster.topics import BrokerUnavailable, TopicError
from streams.kafka import retry
from streams.kafka.retry import start_when_reachable, while_unreachable
from streams.kafka.transactions import TransactionFailed


def failed(cause: Exception) -> TransactionFailed:
    error = TransactionFailed("the broker did not commit")
    error.__cause__ = cause
    return error


class Step:
    """Fails with each of these errors in turn, then succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    async def start(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


@pytest.fixture(autouse=True)
def _without_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "RETRY_S", 0.0)


AWAY = (
    KafkaConnectionError(), NodeNotReadyError(), ConnectionRefusedError(), TimeoutError(),
    BrokerUnavailable("127.0.0.1:9092", 15.0, "no complete answer"), failed(KafkaConnectionError()),
    TransactionFailed("no answer of the broker within 90 s"),
)
LASTING = (
    TopicAuthorizationFailedError(), TopicError("topic 'x' is missing"), failed(TransactionalIdAuthorizationFailed()),
    ValueError("a bug"),
)


async def test_a_broker_that_is_away_is_waited_for() -> None:
    step = Step(*AWAY)
    assert await while_unreachable("start", step.start) == "done"
    assert step.calls == len(AWAY) + 1


@pytest.mark.parametrize("error", LASTING, ids=lambda error: type(error).__name__)
async def test_what_does_not_pass_by_waiting_is_raised_at_once(error: Exception) -> None:
    step = Step(error)
    with pytest.raises(type(error)):
        await while_unreachable("start", step.start)
    assert step.calls == 1


async def test_the_patience_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "PATIENCE_S", 0.0)
    step = Step(*AWAY)
    with pytest.raises(KafkaConnectionError):
        await while_unreachable("start", step.start)
    assert step.calls == 1


async def test_a_client_of_the_library_starts_when_the_broker_is_back() -> None:
    client = Step(*AWAY)
    start_when_reachable(client, "start the client")
    assert await client.start() == "done"

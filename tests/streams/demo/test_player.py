"""The player's pace on a clock that only moves when the player waits."""

from __future__ import annotations

import orjson
import pytest

from streams.demo.player import play
from streams.demo.run import fleet_of
from streams.replay.recordings import RecordedRequest
from streams.worker.wall_clock import WallClock


class FakeTime:
    """A wall clock that stands still except in `sleep`."""

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds


class Broker:
    """Remembers what was sent and when; `slow_s` is what a send takes."""

    def __init__(self, time: FakeTime, slow_s: float = 0.0) -> None:
        self.sent: list[tuple[float, str, bytes, bytes]] = []
        self._time, self._slow_s = time, slow_s

    async def send(self, topic: str, key: bytes, value: bytes) -> None:
        self.sent.append((self._time.now_s, topic, key, value))
        self._time.now_s += self._slow_s


def record(ts: float, version: str = "v1") -> RecordedRequest:
    metrics = {"latency_ms": 1.0, "confidence": 0.5, "prompt_tokens": 3.0}
    return {"ts": ts, "service": "serving", "version": version, "metrics": metrics}


#   ts       100   100.5   103       of the recording, ten times as fast from the wall's 1000
#   sent    1000  1000.05  1000.3
async def test_records_are_sent_when_the_fast_clock_reads_their_time() -> None:
    time = FakeTime(1000.0)
    broker, clock = Broker(time), WallClock(anchor_s=1000.0, speed=10.0)

    count = await play(
        [record(100.0), record(100.5), record(103.0)], broker.send, clock=clock, shift_s=900.0, time=time,
        on_sent=lambda _: None,
    )

    assert count == 3
    assert [at for at, topic, _, _ in broker.sent if topic == "inference.latency"] == pytest.approx(
        [1000.0, 1000.05, 1000.3]
    )
    assert [orjson.loads(value)["ts"] for _, topic, _, value in broker.sent if topic == "inference.tokens"] == [
        1000.0, 1000.5, 1003.0,
    ]


async def test_a_record_goes_to_the_three_topics_keyed_by_service() -> None:
    time = FakeTime(1000.0)
    broker = Broker(time)

    await play([record(1000.0)], broker.send, clock=WallClock(), shift_s=0.0, time=time, on_sent=lambda _: None)

    assert [(topic, key) for _, topic, key, _ in broker.sent] == [
        ("inference.latency", b"serving"), ("inference.confidence", b"serving"), ("inference.tokens", b"serving"),
    ]


async def test_a_slow_broker_delays_but_loses_nothing_and_the_player_catches_up() -> None:
    time = FakeTime(1000.0)
    broker = Broker(time, slow_s=1.0)

    await play(
        [record(1000.0 + n) for n in (0, 1, 2, 60)], broker.send, clock=WallClock(), shift_s=0.0, time=time,
        on_sent=lambda _: None,
    )

    assert len(broker.sent) == 12
    assert broker.sent[-3][0] == 1060.0
    assert len(time.slept) == 1


async def test_the_callback_gets_each_record_after_it_was_sent() -> None:
    time = FakeTime(0.0)
    broker, on_sent_at = Broker(time), list[tuple[float, int]]()

    await play(
        [record(0.0), record(1.0)], broker.send, clock=WallClock(), shift_s=5.0, time=time,
        on_sent=lambda seen: on_sent_at.append((seen["ts"], len(broker.sent))),
    )

    assert on_sent_at == [(5.0, 3), (6.0, 6)]


async def test_an_error_of_the_broker_ends_the_play() -> None:
    async def refuse(_topic: str, _key: bytes, _value: bytes) -> None:
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        await play(
            [record(0.0)], refuse, clock=WallClock(), shift_s=0.0, time=FakeTime(0.0), on_sent=lambda _: None,
        )


def test_the_fleet_has_the_versions_replicas_and_tenants_of_the_recording() -> None:
    fleet = fleet_of([record(0.0, "v1"), record(1.0, "v2"), record(2.0, "v1")])

    assert (fleet.service, fleet.labels, fleet.replicas) == ("serving", ("v1", "v2"), ())


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan")])
def test_a_clock_that_does_not_run_forward_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        WallClock(speed=speed)

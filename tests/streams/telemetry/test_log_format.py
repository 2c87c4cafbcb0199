from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator

import pytest
import structlog

from streams.telemetry.log_format import RepeatFilter, log_to
from streams.telemetry.repeat_limit import RepeatLimit


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    handlers, level = logging.root.handlers[:], logging.root.level
    for name in ("aiokafka", "aiokafka.conn", "mode", "mode.worker", "py.warnings"):
        # an earlier test may have silenced it
        monkeypatch.setattr(logging.getLogger(name), "disabled", False)
        logging.getLogger(name).setLevel(logging.NOTSET)
    logging.captureWarnings(False)  # where an earlier test left it on, its hook went with that test
    found = io.StringIO()
    log_to(found)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        yield found
    logging.captureWarnings(False)
    logging.root.handlers[:], logging.root.level = handlers, level
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_lines_of_libraries_and_warnings_have_the_format_of_our_own(stream: io.StringIO) -> None:
    structlog.get_logger("tocsin.test").info("started", worker="w0")
    logging.getLogger("aiokafka.conn").error("Unable to connect to %s", "b:9092")
    logging.getLogger("faust.app").info("not told")
    warnings.warn("old", DeprecationWarning, stacklevel=1)
    own, client, warning = lines(stream)
    assert {"event", "level", "timestamp"} <= own.keys() & client.keys() & warning.keys()
    assert (own["event"], own["worker"]) == ("started", "w0")
    assert (client["event"], client["level"]) == ("Unable to connect to b:9092", "error")
    assert client["logger"] == "aiokafka.conn"


def test_a_line_is_one_write_so_that_no_other_thread_comes_between(
    stream: io.StringIO, monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[str] = []
    monkeypatch.setattr(stream, "write", written.append, raising=False)
    log_to(stream)
    structlog.get_logger("tocsin.test").info("started", worker="w0")
    logging.getLogger("aiokafka.conn").error("Unable to connect to %s", "b:9092")
    assert [json.loads(one)["event"] for one in written] == ["started", "Unable to connect to b:9092"]
    assert [one.count("\n") for one in written] == [1, 1]


def test_an_exception_of_a_library_stays_in_its_line(stream: io.StringIO) -> None:
    try:
        raise OSError("gone")
    except OSError:
        logging.getLogger("mode.worker").exception("crashed")
    (line,) = lines(stream)
    assert "OSError: gone" in str(line["exception"])


def test_a_broker_that_is_away_is_told_once_and_then_every_minute_with_a_count() -> None:
    now_s = 0.0
    limit = RepeatFilter(lambda: now_s)
    told = []
    for number in range(24_000):
        now_s = number / 200.0
        text = ("Unable to connect", "Heartbeat failed: no coordinator", "Failed fetch messages")[number % 3]
        record = logging.LogRecord(f"aiokafka.{number % 3}", logging.ERROR, "x.py", number % 3, text, (), None)
        if limit.filter(record):
            told.append((now_s, record.times))  # type: ignore[attr-defined]
    assert told == [(0.0, 1), (60.0, 12_000)]


def test_other_lines_of_a_client_are_told_beside_it() -> None:
    limit = RepeatFilter(lambda: 0.0)
    texts = ["Unable to connect", "Topic x is not authorized for this client"]
    for at, text in enumerate(texts):
        assert limit.filter(logging.LogRecord("aiokafka", logging.ERROR, "x.py", at, text, (), None))


def test_what_was_not_told_is_counted_with_the_next_telling() -> None:
    limit = RepeatLimit(10.0)
    assert [limit.count("a", now_s, 2) for now_s in (0.0, 5.0, 9.9, 10.0, 11.0)] == [2, None, None, 6, None]
    assert limit.count("b", 11.0) == 1


def test_what_is_tried_again_is_told_once_a_minute_with_a_count(stream: io.StringIO) -> None:
    clock = iter([0.0, 0.3, 59.9, 60.0, 60.1])
    log_to(stream, mono_s=lambda: next(clock))
    for _ in range(5):
        structlog.get_logger("tocsin.test").warning("reconnecting", reason="refused")
    structlog.get_logger("tocsin.test").info("started")
    first, again, other = lines(stream)
    assert (first["event"], "times" in first) == ("reconnecting", False)
    assert (again["event"], again["times"], other["event"]) == ("reconnecting", 3, "started")

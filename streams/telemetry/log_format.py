"""One format for every line of a process, also for those of Faust, aiokafka and Python's warnings.

JSON, one object a line, or columns on a terminal. What a library says again and again, as aiokafka does while a broker
is away, is told once and then every minute with a count; so is what we try again until it succeeds, and each record
that is skipped.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Callable, Mapping
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor

from actions.kinds.urls import masked_in
from streams.telemetry.repeat_limit import RepeatLimit

LIBRARIES_FROM = logging.WARNING
"""Libraries are logged from this level on, whatever the level of the process."""
_UNREACHABLE = re.compile(
    r"connect|unable to|unreachable|not available|no broker|time(d)? ?out|heartbeat|coordinator|metadata|fetch",
    re.IGNORECASE,
)
"""Of a line of a Kafka client: it cannot reach a broker."""
_CLIENTS = ("aiokafka", "faust", "mode")
REPEATED = frozenset({
    "reconnecting", "http_not_served", "incident_skipped", "record_refused", "record_skipped", "checkpoint_skipped",
})
"""Events of ours that come again with each try, or with each record that was written before there were keys."""


class RepeatFilter(logging.Filter):
    """Drops the lines of libraries that were told lately; of a line that comes again it adds `times`."""

    def __init__(self, mono_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._limit = RepeatLimit()
        self._mono_s = mono_s

    def filter(self, record: logging.LogRecord) -> bool:
        library = record.name.partition(".")[0]
        kind: tuple[object, ...] = (record.name, record.lineno)
        if library in _CLIENTS and _UNREACHABLE.search(record.getMessage()):
            kind = (library, "unreachable")
        times = self._limit.count(kind, self._mono_s())
        if times is None:
            return False
        record.times = times
        return True


def _add_times(_logger: object, _method: str, event: EventDict) -> EventDict:
    record = event.get("_record")
    times = getattr(record, "times", 1)
    if times > 1:
        event["times"] = times
    return event


def _limit_repeated(mono_s: Callable[[], float]) -> Processor:
    limit = RepeatLimit()

    def add_times_or_drop(_logger: object, _method: str, event: EventDict) -> EventDict:
        if event["event"] in REPEATED:
            times = limit.count(event["event"], mono_s())
            if times is None:
                raise structlog.DropEvent
            if times > 1:
                event["times"] = times
        return event

    return add_times_or_drop


def _mask_urls(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Hide what the queries of URLs hold, also in tracebacks and in the lines of libraries."""
    return {name: value if name.startswith("_") else _masked(value) for name, value in event.items()}


def _masked(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {name: _masked(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(one) for one in value]
    return masked_in(str(value))


def log_to(
    stream: TextIO = sys.stderr, level: str = "info", mono_s: Callable[[], float] = time.monotonic,
) -> None:
    """Log to a stream from a level on: debug, info, warning or error. Replaces what was configured before."""
    common: list[Processor] = [
        structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: Processor = (
        structlog.dev.ConsoleRenderer() if stream.isatty() else structlog.processors.JSONRenderer(default=str)
    )
    structlog.configure(
        processors=[_limit_repeated(mono_s), *common, structlog.processors.format_exc_info, _mask_urls, render],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        # One write a line: libraries log to the same stream from other threads, under another lock.
        logger_factory=structlog.WriteLoggerFactory(stream),
    )
    handler = logging.StreamHandler(stream)
    handler.addFilter(RepeatFilter(mono_s))
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*common, structlog.stdlib.add_logger_name],
        processors=[
            _add_times, structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info, _mask_urls, render,
        ],
    ))
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(LIBRARIES_FROM)
    logging.captureWarnings(True)

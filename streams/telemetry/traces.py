"""Traces from a record batch over its incidents to the action that ran, with W3C context in Kafka headers.

`batch process` (links to the producers) -> `incident <id> <transition>` -> `decide <kind>` -> headers of the intent ->
`execute <kind>`, perhaps in another worker, in the same trace. Off unless a provider is given: every method then hands
out the same inert span at the price of a call and an `if`. Attributes follow OpenTelemetry's messaging conventions.

Only a share of the batches without an incident is traced. A batch that opens, changes or resolves an incident, or
fails, is always traced: its span is started when the first incident span needs a parent, with the time at which the
batch began.

Tracing gives no guarantee: spans in the exporter's buffer are lost with the process, and a batch that is processed
again makes new spans for the same incident.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from contextvars import ContextVar

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanContext, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

Header = tuple[str, bytes]
Headers = Mapping[str, bytes | None] | Iterable[tuple[str, bytes | None]] | None

MAX_LINKS = 32
_OFF: AbstractContextManager[Span] = nullcontext(trace.INVALID_SPAN)
_unsampled: ContextVar[Callable[[], None] | None] = ContextVar("tocsin_unsampled_batch", default=None)
"""Starts the span of the current batch, which was not sampled; None where it has a span, and outside batches."""
_W3C = TraceContextTextMapPropagator()
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class TracingUnavailableError(Exception):
    """Tracing is configured but the exporter is not installed. The command line shows `exit_message`."""

    def __init__(self, endpoint: str) -> None:
        self.exit_message = (
            f"telemetry.traces.endpoint is {endpoint}, but the exporter is not installed: pip install 'tocsin[otlp]'"
        )
        super().__init__(self.exit_message)


class Tracing:
    """The spans of one worker. provider: None turns it off. sample_share: of uneventful batches, 0 to 1."""

    def __init__(self, provider: TracerProvider | None = None, sample_share: float = 1.0) -> None:
        if not 0.0 <= sample_share <= 1.0:
            raise ValueError(f"sample_share: {sample_share!r}, expected 0 to 1")
        self._provider = provider
        self._tracer = None if provider is None else provider.get_tracer("tocsin")
        self._sample_share = sample_share
        self._sample_credit = 0.0

    @classmethod
    def to_endpoint(cls, endpoint: str | None, *, version: str, instance: str, sample_share: float = 1.0) -> Tracing:
        """Export by OTLP over HTTP to `endpoint` (a full URL ending in `/v1/traces`); off when it is None.

        Raises `TracingUnavailableError` without the optional package. Export runs in a thread of its own and drops
        spans when the collector is away; it never holds up a batch.
        """
        if endpoint is None:
            return cls()
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        except ImportError as error:
            raise TracingUnavailableError(endpoint) from error
        resource = Resource.create(
            {"service.name": "tocsin", "service.version": version, "service.instance.id": instance},
        )
        provider = TracerProvider(resource=resource)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
        return cls(provider, sample_share)

    @property
    def on(self) -> bool:
        return self._tracer is not None

    def batch(
        self, topic: str, partition: int, *, group: str, records: int, last_offset: int,
        headers: Iterable[Headers] = (),
    ) -> AbstractContextManager[Span]:
        """The root span of one record batch.

        `headers` are the headers of its records; the distinct traces among them become links, at most `MAX_LINKS`.
        """
        if self._tracer is None:
            return _OFF
        tracer, start_ns = self._tracer, time.time_ns()

        def begin() -> Span:
            return tracer.start_span(
                "batch process", context=Context(), kind=SpanKind.CONSUMER, links=_links(headers), start_time=start_ns,
                attributes={
                    **_messaging(topic, "process"), "messaging.consumer.group.name": group,
                    "messaging.destination.partition.id": str(partition), "messaging.batch.message_count": records,
                    "messaging.kafka.offset": last_offset,
                },
            )

        self._sample_credit += self._sample_share
        is_sampled = self._sample_credit >= 1.0
        self._sample_credit -= is_sampled
        return _batch(begin, is_sampled)

    def incident(
        self, incident_id: str, transition: str, *, category: str, severity: str,
    ) -> AbstractContextManager[Span]:
        """An incident opens, changes or resolves, within the batch that decided it."""
        if self._tracer is None:
            return _OFF
        _start_unsampled()
        return self._tracer.start_as_current_span(
            f"incident {incident_id} {transition}",
            attributes={
                "tocsin.incident.id": incident_id, "tocsin.incident.transition": transition,
                "tocsin.incident.category": category, "tocsin.incident.severity": severity,
            },
        )

    def decide(self, kind: str, target: str, *, key: str, topic: str) -> AbstractContextManager[Span]:
        """An intent is decided and written; call `inject` inside and send its headers along."""
        if self._tracer is None:
            return _OFF
        return self._tracer.start_as_current_span(
            f"decide {kind}", kind=SpanKind.PRODUCER,
            attributes={**_messaging(topic, "send"), **_action(kind, target, key)},
        )

    def execute(
        self, kind: str, target: str, *, key: str, topic: str, headers: Headers,
    ) -> AbstractContextManager[Span]:
        """An intent is carried out, in the trace that its headers name; without them it starts its own."""
        if self._tracer is None:
            return _OFF
        return self._tracer.start_as_current_span(
            f"execute {kind}", context=extract(headers), kind=SpanKind.CONSUMER,
            attributes={**_messaging(topic, "process"), **_action(kind, target, key)},
        )

    def inject(self) -> list[Header]:
        """The current span as Kafka headers; empty when tracing is off."""
        if self._tracer is None:
            return []
        carrier: dict[str, str] = {}
        _W3C.inject(carrier)
        return [(name, value.encode("ascii")) for name, value in carrier.items()]

    def close(self) -> None:
        """Send what is buffered, for at most the exporter's own timeout, and stop."""
        if self._provider is not None:
            self._provider.shutdown()


@contextmanager
def _batch(begin: Callable[[], Span], is_sampled: bool) -> Iterator[Span]:
    with ExitStack() as stack:
        def start() -> None:
            _unsampled.set(None)
            stack.enter_context(trace.use_span(begin(), end_on_exit=True))

        token = _unsampled.set(start)
        if is_sampled:
            start()
        try:
            yield trace.get_current_span()
        except Exception:
            _start_unsampled()  # a batch that fails is always traced
            raise
        finally:
            _unsampled.reset(token)


def _start_unsampled() -> None:
    if (start := _unsampled.get()) is not None:
        start()


def extract(headers: Headers) -> Context:
    """The context in Kafka headers; an empty one when they hold none or an invalid one."""
    wanted = ("traceparent", "tracestate")
    carrier = {name: value.decode("ascii", "replace") for name, value in _pairs(headers) if name in wanted}
    return _W3C.extract(carrier, context=Context())


def _links(batch: Iterable[Headers]) -> list[Link]:
    found: dict[tuple[int, int], SpanContext] = {}
    for headers in batch:
        for name, value in _pairs(headers):
            if name == "traceparent" and _TRACEPARENT.fullmatch(value):
                context = trace.get_current_span(extract([(name, value)])).get_span_context()
                if context.is_valid:
                    found[context.trace_id, context.span_id] = context
        if len(found) >= MAX_LINKS:
            break
    return [Link(context) for context in found.values()]


def _pairs(headers: Headers) -> Iterable[Header]:
    """Name and value of each header; a header without a value, which Kafka allows, is left out."""
    if headers is None:
        return ()
    pairs: Iterable[tuple[str, bytes | None]] = headers.items() if isinstance(headers, Mapping) else headers
    return ((name, value) for name, value in pairs if value is not None)


def _messaging(topic: str, operation: str) -> dict[str, str]:
    return {
        "messaging.system": "kafka", "messaging.destination.name": topic, "messaging.operation.name": operation,
        "messaging.operation.type": operation,
    }


def _action(kind: str, target: str, key: str) -> dict[str, str]:
    return {"tocsin.action.kind": kind, "tocsin.action.target": target, "tocsin.action.key": key}

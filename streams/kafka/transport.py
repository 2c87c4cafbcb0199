"""The Kafka transport: Faust, with metric topics in record batches and commits that wait for the application.

What the application does, in full:

    settings = KafkaSettings(brokers="127.0.0.1:9092", group="tocsin", batched=frozenset({"inference.latency"}))
    app = make_app(settings)

    async def restore(tps: frozenset[TP]) -> Mapping[TP, int]:      # before any record of these partitions arrives
        return {tp: next_offset_contained_in_the_state for tp in tps if it_was_restored}

    async def hand_over(tps: frozenset[TP]) -> None:                # before these partitions go, or the worker stops
        await store_state(tps)
        for tp in tps: app.release(tp, next_offset_contained_in_the_state)

    app.on_assigned, app.on_revoked = restore, hand_over

    @app.agent(app.batch_topic("inference.latency"))
    async def watch(batches):                   # RecordBatch: topic, partition, records, first_offset, last_offset
        async for batch in batches:
            process(batch)                      # must not raise, see below
        # and every few seconds, of the partitions in app.positions.owned(): store the state, await the outputs'
        # acknowledgements, then app.release(tp, next); ownership and state may change during each await

    @app.agent(app.topic("tocsin.control", key_serializer="raw", value_serializer="raw", maxsize=1000))
    async def control(values): ...              # any other topic: record by record, plain Faust

    run_worker(app)                             # or BoundedWorker(app, ...).execute_from_commandline()

Guarantees. Delivery: within one ownership every record of a batched partition is delivered once, in order; buffered
batches of a partition that is taken away are dropped. Commit: the committed offset is the highest released one, never
more; Faust's acknowledgement commits nothing. Restart: delivery begins at the offset `on_assigned` returned, also if
that lies before the committed one (state and records then agree again), else at the committed one. Crash: whatever was
not released is delivered again. A zombie's release is ignored and its commit refused; neither stops the worker.

An agent that raises: Faust acknowledges in a `finally` and would go on with the next batch, whose release then covers
the one that failed. Here the worker crashes instead, without a hand-over, and reads it again. So catch inside the
agent, and answer for every record (a window, a dead letter). `on_assigned` that raises crashes the worker too;
`on_revoked` that raises or takes longer than `hand_over_timeout_s` is logged and releases nothing.

Order of a rebalance: flow stops, buffers are dropped, the batch in hand is finished, `on_revoked`, commit; then
`on_assigned` with *all* partitions now owned, also those kept (another worker may have had them meanwhile), then flow.
`on_revoked` is not called for partitions that are already lost, since their new owner's state must not be overwritten.
Partition k of all topics is on one worker, so a shard is a partition number.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

import faust
from faust.types import TP
from yarl import URL

from streams.intake.codec import Record
from streams.kafka.batches import Positions, RecordBatch
from streams.kafka.consumer import BatchConsumer, BatchScheduler, BatchTables, BatchTransport
from streams.kafka.stopping import BoundedWorker, run_worker
from streams.kafka.topics import Security

__all__ = [
    "TP", "BatchedApp", "BoundedWorker", "KafkaSettings", "Record", "RecordBatch", "make_app", "run_worker",
]

UNUSED_PORT = 6066
"""Faust wants a port also where no web server runs."""

OnAssigned = Callable[[frozenset[TP]], Awaitable[Mapping[TP, int]]]
OnRevoked = Callable[[frozenset[TP]], Awaitable[None]]
Hook = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """How a worker meets Kafka.

    brokers: `host:port,host:port`. batched: topics that arrive as record batches. instance: static membership; a name
    that survives a restart and that no other worker of the group has. With it a worker restarted within
    `session_timeout_s` has its partitions back at once; without it a stopped worker leaves at once and a killed one is
    missed for `session_timeout_s`. from_start: where a batched partition begins that has neither state nor a committed
    offset, at the log's start or end; other topics begin at the start. buffered_batches: how many may wait for an agent
    before fetching pauses. A fetch waits for fetch_min_bytes, so that a batch is worth its handling (at 5,000 records/s
    a seventh of the fetches and a quarter of the CPU time), but never longer than fetch_wait_ms, which also bounds what
    an idle partition can delay a busy one on the same broker.
    web_port None: no web server.
    """

    brokers: str
    group: str
    batched: frozenset[str] = frozenset()
    client: str = "tocsin"
    instance: str | None = None
    session_timeout_s: float = 6.0
    heartbeat_s: float = 1.5
    rebalance_timeout_s: float = 20.0
    commit_interval_s: float = 1.0
    hand_over_timeout_s: float = 5.0
    stop_timeout_s: float = 15.0
    buffered_batches: int = 8
    fetch_max_bytes: int = 4 << 20
    fetch_wait_ms: int = 100
    fetch_min_bytes: int = 64 << 10
    from_start: bool = True
    security: Security = field(default_factory=Security)
    web_host: str = "127.0.0.1"
    web_port: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.heartbeat_s < self.session_timeout_s:
            raise ValueError(f"heartbeat_s {self.heartbeat_s}: expected between 0 and session_timeout_s "
                             f"{self.session_timeout_s}")
        if not 0 < self.hand_over_timeout_s < min(self.rebalance_timeout_s, self.stop_timeout_s):
            raise ValueError(f"hand_over_timeout_s {self.hand_over_timeout_s}: expected less than rebalance_timeout_s "
                             f"{self.rebalance_timeout_s} and stop_timeout_s {self.stop_timeout_s}")
        if self.buffered_batches < 2:
            raise ValueError(f"buffered_batches {self.buffered_batches}: expected at least 2")


async def _nothing_stored(_: frozenset[TP]) -> Mapping[TP, int]:
    return {}


async def _nothing() -> None:
    return


async def _nothing_to_store(_: frozenset[TP]) -> None:
    return


class BatchedApp(faust.App):
    """A Faust app whose batched partitions are committed by `release`. Call everything from the app's event loop."""

    settings: KafkaSettings
    positions: Positions
    on_assigned: OnAssigned
    on_revoked: OnRevoked
    on_open: Hook
    on_close: Hook

    async def on_start(self) -> None:
        """Before the consumer starts: the application opens what its agents need. A failure ends the start."""
        await self.on_open()
        await super().on_start()

    async def on_shutdown(self) -> None:
        """After the last hand-over: the application closes what it opened."""
        await super().on_shutdown()
        await self.on_close()

    def batch_topic(self, *names: str) -> faust.TopicT:
        """The channel of batched topics. Raises ValueError for a name that the settings do not list as batched."""
        plain = sorted(set(names) - self.settings.batched)
        if plain:
            raise ValueError(f"topic {plain[0]!r} is not batched, expected one of {sorted(self.settings.batched)}")
        return self.topic(*names, key_serializer="raw", value_serializer="raw")

    def release(self, tp: TP, next_offset: int) -> bool:
        """Allow commits up to `next_offset`: state that contains all before it is stored, outputs are acknowledged.

        False, and nothing happens, if this worker does not own the partition any more, or owns it anew and has not
        delivered that far. The commit follows within `commit_interval_s`.
        """
        return self.positions.release(tp, next_offset)

    def position(self, tp: TP) -> int | None:
        """The next offset to be delivered to the agent; None while the partition is not owned or not restored."""
        return self.positions.position(tp)

    def highwater(self, tp: TP) -> int | None:
        """One more than the last offset in the partition as of the last fetch; None before that. `position` has
        caught up when it is not less."""
        return cast(BatchConsumer, self.consumer).known_highwater(tp)

    async def commit_released(self) -> None:
        """Commit what is released now instead of at the next interval. A refused commit is not an error."""
        await self.consumer.commit()

    def _create_directories(self) -> None:
        """Faust makes folders for tables in the working directory; there are no tables."""


def make_app(settings: KafkaSettings) -> BatchedApp:
    """Build the app; nothing is connected before it starts. Tables, leader topic and router are off."""
    app = BatchedApp(
        settings.group,
        broker=[URL(f"kafka://{address}") for address in settings.brokers.split(",")],
        broker_credentials=_credentials(settings.security),
        broker_client_id=settings.client,
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=settings.heartbeat_s,
        broker_commit_interval=settings.commit_interval_s,
        broker_rebalance_timeout=settings.rebalance_timeout_s,
        consumer_group_instance_id=settings.instance,
        consumer_max_fetch_size=settings.fetch_max_bytes,
        stream_buffer_maxsize=settings.buffered_batches,
        ConsumerScheduler=BatchScheduler,
        TableManager=BatchTables,
        agent_supervisor="mode.supervisors:CrashingSupervisor",
        producer_acks=-1,
        topic_disable_leader=True,
        topic_allow_declare=False,
        store="memory://",
        web_enabled=settings.web_port is not None,
        web_host=settings.web_host,
        web_bind=settings.web_host,
        web_port=settings.web_port or UNUSED_PORT,
        web_router_enabled=False,
        web_tables_enabled=False,
        web_graph_enabled=False,
        web_stats_enabled=False,
        web_metrics_enabled=False,
    )
    app.settings = settings
    app.positions = Positions()
    app.on_assigned = _nothing_stored
    app.on_revoked = _nothing_to_store
    app.on_open = app.on_close = _nothing
    app.transport = BatchTransport(app.conf.broker_consumer, app)
    return app


def _credentials(security: Security) -> faust.auth.Credentials | None:
    if security.sasl_mechanism is not None:
        return faust.SASLCredentials(
            username=security.username, password=security.password, mechanism=security.sasl_mechanism,
            ssl_context=security.ssl_context,
        )
    return faust.SSLCredentials(security.ssl_context) if security.ssl_context is not None else None

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

    run_worker(app)

Guarantees. Delivery: within one ownership every record of a batched partition is delivered once, in order. Buffered
batches of a partition that is revoked are dropped. Commit: the committed offset is the highest released one, never
more; Faust's acknowledgement commits nothing. Restart: delivery begins at the offset that `on_assigned` returned, also
if it lies before the committed one, so that state and records agree. Without such an offset it begins at the committed
one. Crash: whatever was not released is delivered again. A zombie's release is ignored and its commit is refused;
neither stops the worker.

Exceptions. An agent that raises crashes the worker without a hand-over, and the batch is read again. (Faust would
acknowledge the batch in a `finally` and go on with the next one, whose release then covers the one that failed.) So an
agent must catch, and must account for every record: a window or a dead letter. `on_assigned` that raises crashes the
worker too. `on_revoked` that raises or takes longer than `hand_over_timeout_s` is logged and releases nothing.

Order of a rebalance: fetching stops, buffers are dropped, the current batch is finished, `on_revoked` is called, the
released offsets are committed. Then `on_assigned` is called with *all* partitions now owned, and fetching starts. The
kept partitions are among them, because another worker may have owned them in between. `on_revoked` is not called for
partitions that are lost already, because it must not overwrite the state of their new owner. Partition k of all topics
is on one worker, so a shard is a partition number.
"""

from __future__ import annotations

from collections.abc import Mapping

import faust
from yarl import URL

from streams.kafka.settings import KafkaSettings, Security
from streams.kafka.sight import Sight
from streams.transport.batched_app import BatchedApp
from streams.transport.batches import TP, Positions, RecordBatch
from streams.transport.bounded_worker import BoundedWorker, run_worker
from streams.transport.consumer import BatchScheduler, BatchTables, BatchTransport

__all__ = [
    "TP", "BatchedApp", "BoundedWorker", "KafkaSettings", "RecordBatch", "make_app", "run_worker",
]

UNUSED_PORT = 6066
"""Faust wants a port also where no web server runs."""


async def _no_offsets(_: frozenset[TP]) -> Mapping[TP, int]:
    return {}


async def _no_hook(*_: object) -> None:
    return


def _no_recreation(_: TP) -> None:
    return


def _no_removal(_: TP, __: int) -> None:
    return


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
    app.sight = Sight(settings.session_timeout_s)
    app.on_assigned = _no_offsets
    app.on_revoked = app.on_open = app.on_close = _no_hook
    app.on_removed = _no_removal
    app.on_recreated = _no_recreation
    app.transport = BatchTransport(app.conf.broker_consumer, app)
    return app


def _credentials(security: Security) -> faust.auth.Credentials | None:
    if security.sasl_mechanism is not None:
        return faust.SASLCredentials(
            username=security.username, password=security.password, mechanism=security.sasl_mechanism,
            ssl_context=security.ssl_context,
        )
    return faust.SSLCredentials(security.ssl_context) if security.ssl_context is not None else None

"""What a shard kept of what it had learned, as a line of the log."""

from __future__ import annotations

import structlog

from streams.pipeline import Shard

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.state")


def log_migration(event: str, shard: Shard) -> None:
    """series: that the shard had. kept: those of which nothing is learned anew. relearned: detectors that learn all
    series anew, or why all of them do."""
    kept = shard.migration
    if kept is None:
        return
    relearned = kept.reason or ", ".join(kept.relearned) or None
    log.info(
        event, shard=shard.number, config_hash=shard.plan.config_hash, series=kept.series, kept=kept.kept,
        relearned=relearned,
    )

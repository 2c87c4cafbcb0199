"""The states of a request for approval, as a table. A pair that is not in it changes nothing.

    requested -> approved -> released       enough people approved; its conditions still held, so it runs
    requested -> rejected | withdrawn | expired | void
    approved  -> expired                    the shard did not write the intent in time
    approved  -> void                       the terms changed before the shard wrote it

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

RequestState = Literal["requested", "approved", "rejected", "withdrawn", "expired", "void", "released"]
RequestEvent = Literal["ask", "approve", "complete", "reject", "withdraw", "expire", "void", "release"]
"""approve: one more person, and more are needed. complete: the last person that was needed."""

TRANSITIONS: Mapping[tuple[RequestState | None, RequestEvent], RequestState] = {
    (None, "ask"): "requested",
    (None, "void"): "void",
    ("requested", "approve"): "requested",
    ("requested", "complete"): "approved",
    ("requested", "reject"): "rejected",
    ("requested", "withdraw"): "withdrawn",
    ("requested", "expire"): "expired",
    ("requested", "void"): "void",
    ("approved", "release"): "released",
    ("approved", "expire"): "expired",
    ("approved", "void"): "void",
    # The terms changed, so the same step is asked anew under the key of a request that has ended.
    ("rejected", "ask"): "requested",
    ("withdrawn", "ask"): "requested",
    ("expired", "ask"): "requested",
    ("void", "ask"): "requested",
}
OPEN: frozenset[RequestState] = frozenset({"requested", "approved"})
ENDED: frozenset[RequestState] = frozenset({"rejected", "withdrawn", "expired", "void", "released"})


def next_state(state: RequestState | None, event: RequestEvent) -> RequestState | None:
    """The state after an event; the same state where the table has no such pair. None: there is no request yet."""
    return TRANSITIONS.get((state, event), state)

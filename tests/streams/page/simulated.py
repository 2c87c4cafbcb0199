"""A fleet of four replicas of which one becomes slow, as its shard tells it: incidents, and windows of their series."""

from __future__ import annotations

from functools import cache

from classifiers.series_windows import ShardReport
from streams.page.state import PageState
from tests.simulation.fleet import fleet, sick
from tests.simulation.run import Run

WELL_S, SICK_S, AFTER_S = 90, 60, 30


@cache
def played() -> Run:
    """The incident ends 30 s before the end, or later."""
    play = fleet()
    play.play(WELL_S).play(SICK_S, sick("r1")).play(AFTER_S)
    return play.run


def told(state: PageState) -> None:
    """Tell a state all that the fleet's shard published."""
    run = played()
    for incident in run.incidents.values():
        state.add_incident(incident)
    for one in run.incident_series:
        state.add_incident_series(one)
    for each in run.service_series:
        state.add_service_series(each)
    at_s = run.service_series[-1].at_s
    state.add_shard_report(
        ShardReport(0, "tocsin/w0", at_s - 170.0, at_s + 1.0, at_s, 0.0, 12, 0, 0, 0, 0, {"malformed": 3}),
    )

"""What is due because time has passed pages nobody for an incident that ends then; what happens pages at once."""

from __future__ import annotations

import pytest

from actions.escalation.policy import EscalationPolicy
from actions.escalation.situation import TOLD_WITHIN_S
from tests.actions.approvals.cases import T
from tests.actions.escalation.cases import World, policy, remedy


def paged(*policies: EscalationPolicy) -> World:
    """A world whose first step was taken at `T`."""
    world = World(*policies)
    world.tell()
    assert world.at(0.0)
    return world


def test_who_is_not_told_in_time_that_a_remedy_ended_the_incident_within_its_grace_is_not_paged() -> None:
    """The shard says so some seconds after the time of the end."""
    world = World(policy(grace={"P1": 20.0}))
    world.tell(actions=(remedy(),))
    assert world.at(20.0) == []
    world.at(21.5)
    world.tell(actions=(remedy(),), state="resolved", resolved_at_s=T + 20.0)
    assert (world.at(21.5), world.at(500.0), world.state) == ([], [], "closed")


@pytest.mark.parametrize(("begun", "time_s"), [
    ((), 300.0),
    ((300.0, 900.0), 1500.0 + TOLD_WITHIN_S),
    ((300.0, 900.0, 1500.0 + TOLD_WITHIN_S, 1800.0 + 2 * TOLD_WITHIN_S, 2400.0 + 2 * TOLD_WITHIN_S), 3009.0),
])
def test_a_step_a_round_or_the_fallback_whose_time_comes_as_the_incident_ends_reaches_nobody(
    begun: tuple[float, ...], time_s: float,
) -> None:
    """The shard says so some seconds after the time of the end."""
    world = paged()
    assert all(world.due(at) for at in begun)
    assert (world.due(time_s - 1.0), world.at(time_s + 2.0)) == ([], [])
    world.tell(state="resolved", resolved_at_s=T + time_s)
    assert (world.at(time_s + 2.0), world.at(9000.0), world.state) == ([], [], "closed")


def test_an_acknowledgement_that_lapses_as_the_incident_ends_reaches_nobody() -> None:
    world = paged(policy(ack_lapses_s=600.0))
    world.acknowledge(lasts_s=7200.0)
    world.at(1.0)
    assert (world.at(602.0), world.state) == ([], "acknowledged")
    world.tell(state="resolved", resolved_at_s=T + 600.0)
    assert (world.at(602.0), world.at(9000.0), world.state) == ([], [], "closed")


def test_what_becomes_worse_while_a_step_waits_for_the_end_to_be_told_takes_it_at_once() -> None:
    world = paged()
    assert world.at(301.0) == []
    world.tell(severity="P0")
    assert world.at(301.0) == ["page backup/1 ben"]

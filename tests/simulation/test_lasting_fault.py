"""A replica that stays bad, behind a gateway whose traffic follows the breaker: detection, policy, executor and keeper.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from actions.playbooks.playbook import Match, Playbook, Step
from classifiers.by_hand import Resolve
from streams.drill.simulated_fleet import HEALTHY_MS, SERVICE
from streams.drill.simulated_installation import STEP_S, SimulatedInstallation

LADDER = Playbook("bad-replica", 1, Match(), "auto", (Step("circuit_breaker", "{service}/{replica}", id="isolate"),))
BAD, BAD_MS = "r1", 900.0
WARM_UP_S, FAILS_S, MOST_S = 90.0, 600.0, 2400.0
PROBED_EACH = 20
"""Of a gateway that lets a share through, one request in so many."""


@dataclass
class Course:
    """What became of the breaker. bad: the share of the requests of the replica that are slow while it fails.

    states: at each step the state of the gateway, with the time since the fault began.
    """

    bad: float
    probes: bool
    states: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.here = SimulatedInstallation((LADDER,), probes=self.probes)
        self._sent = 0

    async def play(self) -> Course:
        """Until the breaker closed after the fault, or for `MOST_S`."""
        await self.here.play(WARM_UP_S)
        while self.here.now_s < WARM_UP_S + MOST_S:
            await self.here.play(STEP_S, self._latency)
            self.states.append((self.here.now_s - WARM_UP_S, self.state()))
            remedy = self.here.ledger.remedy("circuit_breaker", f"{SERVICE}/{BAD}")
            if self.states[-1][0] > FAILS_S and remedy is not None and remedy.state == "undone":
                break
        return self

    def state(self) -> str:
        return self.here.gateway.state("circuit_breaker", f"{SERVICE}/{BAD}")

    def exposed_s(self) -> float:
        """For how long traffic went to the replica while it failed."""
        return STEP_S * sum(state != "open" for at_s, state in self.states if at_s <= FAILS_S)

    def probes_s(self) -> Iterator[float]:
        """How long each time lasted in which traffic tried the replica while it failed."""
        since_s = None
        for (_, before), (at_s, state) in zip(self.states, self.states[1:], strict=False):
            if before == "open" and state != "open":
                since_s = at_s
            if before != "open" and state == "open" and since_s is not None and at_s <= FAILS_S:
                yield at_s - since_s

    def _latency(self, at_s: float, replica: str) -> float | None:
        if replica != BAD:
            return HEALTHY_MS
        self._sent += 1
        if self.state() == "open" or (self.state() == "half_open" and self._sent % PROBED_EACH):
            return None
        fails = at_s - WARM_UP_S < FAILS_S and self.here.fleet.rng.random() < self.bad
        return BAD_MS if fails else HEALTHY_MS


@pytest.mark.parametrize(("bad", "probes"), [(1.0, False), (0.9, False), (0.5, False), (0.9, True)])
async def test_little_traffic_goes_to_a_replica_while_it_fails_and_all_of_it_once_it_is_well(
    bad: float, probes: bool,
) -> None:
    course = await Course(bad, probes).play()
    here = course.here
    assert course.exposed_s() <= 0.06 * FAILS_S
    assert max(course.probes_s()) <= (8.0 if probes else 5.0)
    assert course.state() == "closed"
    opened = [one for _, one in here.outcomes if one.kind == "circuit_breaker" and not one.undo]
    assert [one.status for one in opened] == ["executed"]
    (incident,) = here.incidents.values()
    assert (incident.state, [remedy.state for remedy in incident.remedies]) == ("resolved", ["recovered"])
    assert here.ledger.ineffective_runs("circuit_breaker", f"{SERVICE}/{BAD}", 0.0) == 0
    assert {event for _, event in here.pages()} == {"breaker_reopened"}


async def test_an_incident_that_opens_while_traffic_tries_the_target_holds_the_breaker_until_its_time_is_over() -> None:
    """A person declared the first incident over, which the fault outlasts."""
    course = Course(1.0, probes=False)
    here = course.here
    await here.play(WARM_UP_S)
    await here.play(20.0, course._latency)
    (first,) = here.incidents.values()
    assert here._clock is not None
    here._clock.add_directives([Resolve(first.id, "ben", here.epoch_s(), "restarted")])
    await here.play(20.0, course._latency)
    second = next(one for one in here.incidents.values() if one.id != first.id)
    assert next((one.status, one.breaker) for one in second.actions if one.kind == "circuit_breaker") == (
        "executed", "open",
    )
    await here.play(40.0, course._latency)
    assert (course.state(), here.incidents[second.id].state) == ("open", "open")

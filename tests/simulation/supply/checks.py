"""What must be true of a world at its end, whatever happened to its supply."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from actions.model import Intent
from classifiers.model import Incident
from streams.contracts.envelopes import read_outcome
from tests.simulation.supply.log import ACTIONS, DEAD, INCIDENTS, OUTCOMES, Published
from tests.simulation.supply.owner import Owner
from tests.simulation.supply.producers import T, Trouble
from tests.simulation.supply.world import WARM_S, World

LEARN_S = 12.0
"""For so long, and three flushes, a new state may take records for late: it has to learn the cadence."""
LATE_SHARE, LATE_SHARE_RELEARNED = 0.02, 0.05
"""Of the records after that: producers that come back deliver in another order than the one that was learned."""


def violations(world: World) -> list[str]:
    """Each in one line, with its kind first; empty when all is well."""
    return [
        *_incidents(world), *_actions(world), *_records(world),
    ]


def published(world: World) -> list[Incident]:
    """All states of all incidents, in order within a shard."""
    found = []
    for number in range(world.script.shards):
        for _, each in world.broker.partition(INCIDENTS, number).read(0, 10**9)[0]:
            assert isinstance(each, Published)
            found.append(each.change.incident)
    return found


def first_and_last(world: World) -> dict[str, tuple[Incident, Incident]]:
    """By id."""
    found: dict[str, tuple[Incident, Incident]] = {}
    for incident in published(world):
        found[incident.id] = (found.get(incident.id, (incident, incident))[0], incident)
    return found


def _fits(incident: Incident, trouble: Trouble) -> bool:
    """Whether an incident is about a real fault: of its service, in its time, and named for what it is."""
    opened_s = incident.opened_at_s - T
    is_in_time = trouble.begin_s - 3.0 <= opened_s <= trouble.end_s + 8.0
    replica = trouble.replica
    is_named = incident.category == "availability" if replica is None else incident.replica == replica
    return incident.service == trouble.service and is_in_time and is_named


def _incidents(world: World) -> Iterator[str]:
    incidents = first_and_last(world)
    for first, last in incidents.values():
        if not any(_fits(first, trouble) for trouble in world.script.troubles):
            yield f"false: {_line(first)}"
        if last.state != "resolved":
            yield f"left open: {_line(last)}"
    for trouble in world.script.troubles:
        if not any(_fits(first, trouble) for first, _ in incidents.values()) and not _is_relearning(world, trouble):
            yield f"missed: {trouble}"


def _is_relearning(world: World, trouble: Trouble) -> bool:
    """Whether the fault came while a new state did not know yet what is usual."""
    return any(
        owner.lineage.born_s > WARM_S and trouble.begin_s < owner.lineage.born_s + WARM_S and
        trouble.end_s > owner.lineage.born_s - WARM_S
        for owner in world.owners.values()
    )


def _was_relearned(world: World) -> bool:
    """Whether the state of any shard was lost. What it had decided is decided again, under the same key, which the
    ledger runs once."""
    return any(owner.lineage.born_s > WARM_S for owner in world.owners.values())


def _line(incident: Incident) -> str:
    return (
        f"{incident.id} {incident.state} at {incident.opened_at_s - T:.1f}: {incident.title} ({incident.resolution})"
    )


def _actions(world: World) -> Iterator[str]:
    slow = {f"{trouble.service}/{trouble.replica}" for trouble in world.script.troubles if trouble.replica}
    for at_s, intent in world.gateway.calls:
        if not intent.undo and intent.target not in slow:
            yield f"wrong action: {intent.kind} on {intent.target} at {at_s:.1f}"
    decided: defaultdict[str, list[Intent]] = defaultdict(list)
    answered: set[str] = set()
    for number in range(world.script.shards):
        for _, each in world.broker.partition(ACTIONS, number).read(0, 10**9)[0]:
            assert isinstance(each, tuple)
            decided[each[1].key].append(each[1])
        for _, each in world.broker.partition(OUTCOMES, number).read(0, 10**9)[0]:
            assert isinstance(each, bytes)
            answered.add(read_outcome(each).key)
    for target in world.gateway.in_force:
        yield f"left in force: {target}"
    for key, intents in decided.items():
        if len({(each.kind, each.target, each.undo, each.incident_id) for each in intents}) > 1:
            yield f"one key for two decisions: {intents}"
        elif len(intents) > 1 and not _was_relearned(world):
            yield f"decided twice: {[(each.decided_at_s - T, each.reason) for each in intents]}"
        if key not in answered:
            yield f"unanswered: {intents[0].kind} on {intents[0].target}, decided at {intents[0].decided_at_s - T:.1f}"


def _records(world: World) -> Iterator[str]:
    owners = world.owners
    for number in range(world.script.shards):
        if number not in owners:
            yield f"nobody's: shard {number}"
        else:
            yield from _records_of(world, owners[number])
    dead = Counter(
        each for number in range(world.script.shards)
        for _, each in world.broker.partition(DEAD, number).read(0, 10**9)[0]
    )
    for record, count in dead.items():
        if count > 1:
            yield f"dead letter written {count} times: {record}"


def _records_of(world: World, owner: Owner) -> Iterator[str]:
    counts, lineage, expected = owner.lineage.counts, owner.lineage, 0
    for source in owner.shard.plan.sources:
        partition = world.broker.partition(source, owner.number)
        end = owner.shard.offsets.get(source, lineage.begins[source])
        expected += sum(value is not None for value in partition.entries[lineage.begins[source] : end])
        if partition.end - end > 200:
            yield f"not read: {partition.end - end} records of {source}[{owner.number}]"
    total = counts["accepted"] + counts["late"] + counts["dead"]
    if total != expected:
        yield f"records: shard {owner.number} has {total}, expected {expected}"
    learned_s = lineage.born_s + LEARN_S + 3.0 * world.script.flush_s
    late = [round(at_s, 1) for at_s in lineage.late_s if at_s > learned_s]
    if len(late) > (LATE_SHARE if lineage.born_s < WARM_S else LATE_SHARE_RELEARNED) * total:
        yield f"late: {len(late)} of {total} records of shard {owner.number} at {sorted(set(late))}"
    behind_s = world.at_s - (owner.shard.detection.evaluated_until_s - T)
    bound_s = 6.0 + 3.0 * world.script.flush_s + abs(world.script.skew_s)
    if lineage.born_s >= WARM_S:
        # A new state takes the order in its first backlog for usual, and an outage before it is out of order.
        bound_s += 1.4 * max((fault.end_s - fault.begin_s for fault in world.script.faults), default=0.0)
    if not behind_s < bound_s:
        yield f"behind: shard {owner.number} by {behind_s:.1f} s"

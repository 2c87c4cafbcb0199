"""What the role respond makes of the records of the topics."""

from __future__ import annotations

from pathlib import Path

from actions.approvals.desk import UNOWNED_AFTER_S, Desk
from streams.contracts.envelopes import incident_message, intent_message
from streams.respond.topic_reader import TopicReader
from tests.actions.approvals.cases import CHECK, SOURCE, T, incident, suggested
from tests.actions.escalation.cases import World
from tests.streams.fakes import config_of, record_of


async def test_an_incident_is_as_old_as_its_reading_by_the_clock_of_deadlines_however_the_broker_dates_it(
    tmp_path: Path,
) -> None:
    config, now_s = config_of(tmp_path), T + 5_000.0
    desk = Desk(CHECK)
    reader = TopicReader(config, desk, CHECK, lambda: None, lambda: now_s, World().desk)
    topics = config.topics
    asked = suggested(decided_at_s=now_s)
    await reader.process(topics.actions, [record_of(intent_message(asked, SOURCE, 2), topics.actions)])
    desk.sighted(T)
    told = record_of(incident_message(incident(), SOURCE, T), topics.incidents)
    assert told.timestamp < T
    await reader.process(topics.incidents, [told])

    def states(at_s: float) -> list[str]:
        found: list[str] = []
        for change in desk.changes(at_s, lambda *_: True):
            desk.record(change.request)
            found.append(change.request.state)
        return found

    assert states(now_s + 1.0) == ["requested"]
    assert states(now_s + UNOWNED_AFTER_S - 1.0) == []
    assert states(now_s + UNOWNED_AFTER_S) == ["void"]

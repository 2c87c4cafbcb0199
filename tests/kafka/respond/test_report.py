"""Who was paged is told by `tocsin report` and by the draft of a review, from the audit, once over a restart."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import orjson

from classifiers.directives import Feedback
from classifiers.learning.learning_state import LearningState
from classifiers.learning.prequential import LearningParams
from streams.client.audit_log import read_answers
from streams.contracts.envelopes import audit_message, incident_message
from tests.kafka.conftest import Broker
from tests.kafka.respond.installation import PATIENCE_S, Installation, eventually, open_incident

ESCALATION = {
    "services": [{"match": "chat*", "tier": 1, "escalation": "critical"}],
    "schedules": {"primary": {"tz": "Europe/Berlin", "people": ["dan"]}},
    "escalation": {"critical": {"severities": ["P1"], "rounds": 1, "steps": [
        {"id": "first", "page": "primary"}, {"id": "second", "after": "5m", "page": "commander"},
    ]}},
}


async def test_pages_are_counted_by_person_once_over_a_restart(broker: Broker, tmp_path: Path) -> None:
    here, ahead_s = Installation(broker.address, tmp_path, **ESCALATION), 0.0
    await here.prepare()

    async def report() -> dict[str, Any]:
        printed = await here.cli(None, "report", "--json")
        assert printed.exit_code == 0, printed.output
        found: dict[str, Any] = orjson.loads(printed.stdout)["response"]
        return found

    assert (await report())["pages_per_person_week"] is None
    one = open_incident("inc-1", severity="P1", peak_severity="P1", opened_severity="P3", opened_at_s=time.time())
    await here.send(here.config.topics.incidents, incident_message(one, here.source, time.time()))

    async def paged(*people: str) -> None:
        async def look() -> bool | None:
            return sorted(who for who, _ in (await read_answers(here.config)).pages) == sorted(people) or None

        await eventually(look, f"pages of {people}", 3 * PATIENCE_S)

    async with here.responder(lambda: time.time() + ahead_s):
        await paged("dan")
    ahead_s = 400.0
    async with here.responder(lambda: time.time() + ahead_s):
        await paged("cleo", "dan")
    assert (await report())["pages_per_person_week"] == {"cleo": 1.0, "dan": 1.0}
    assert (await report())["wrong_escalations"] is None
    learned = LearningState(LearningParams()).learn(Feedback("fb-1", "inc-1", "ben", time.time(), None, None, False))
    await here.send(here.config.topics.audit, audit_message(learned, here.source))
    assert (await report())["wrong_escalations"] == 1.0
    drafted = await here.cli(None, "review", "draft", "inc-1", "--out", str(tmp_path))
    assert drafted.exit_code == 0, drafted.output
    text = (tmp_path / "review-inc-1.md").read_text()
    communication = text.partition("## Communication")[2].partition("## Five whys")[0]
    assert [communication.count(f"| page | {who} |") for who in ("dan", "cleo")] == [1, 1]
    timeline = text.partition("## Timeline")[2].partition("## Evidence")[0]
    assert (timeline.count("| escalation step |"), "| paged |" in timeline) == (2, False)

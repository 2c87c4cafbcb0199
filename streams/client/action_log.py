"""The decisions of a running installation, each with its last result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from actions.model import Intent, Outcome
from config.models import Config
from streams.client.topic_reader import existing_places, open_reader, partitions_of_topics, places_of, read_to_end
from streams.contracts.envelopes import WireError, read_intent, read_outcome


@dataclass(frozen=True, slots=True)
class DecidedAction:
    """outcome: None where none is published yet."""

    intent: Intent
    outcome: Outcome | None

    @property
    def status(self) -> str:
        """Of the outcome, `pending` without one."""
        return "pending" if self.outcome is None else self.outcome.status


async def read_actions(config: Config) -> list[DecidedAction]:
    """All decisions that the topic still holds, the oldest first; a record that cannot be read is skipped.

    Raises `BrokerUnavailable`, and `TopicError` where there is no topic of actions.
    """
    topics, intents, outcomes = config.topics, dict[str, Intent](), dict[str, Outcome]()
    async with open_reader(config) as reader:
        known = await partitions_of_topics(config)
        for places in (existing_places(known, topics.actions), places_of(known, topics.outcomes)):
            async for record in read_to_end(reader, places):
                _apply(record, record.topic == topics.actions, intents, outcomes)
    found = [DecidedAction(intent, outcomes.get(key)) for key, intent in intents.items()]
    return sorted(found, key=lambda one: one.intent.decided_at_s)


def _apply(record: Any, is_intent: bool, intents: dict[str, Intent], outcomes: dict[str, Outcome]) -> None:
    try:
        if is_intent:
            intent = read_intent(record.value)
            intents.setdefault(intent.key, intent)
        else:
            outcome = read_outcome(record.value)
            outcomes[outcome.key] = outcome
    except WireError:
        return

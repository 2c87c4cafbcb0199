"""The last published state of incidents: from the file of a replay, or from the topics of a running installation.

The topic is compacted by incident id, so the last record of an id counts. An outcome that arrived after its shard had
forgotten the incident is on the outcome topic alone, and is added to the incident here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from actions.trust.keys import SignatureError
from classifiers.accounting.stage_timeline import with_actions
from classifiers.incidents.episode import upsert_action
from classifiers.model import Incident
from config.models import Config
from config.trust.build import ring_of
from streams.client.topic_reader import existing_places, open_reader, partitions_of_topics, places_of, read_to_end
from streams.contracts.envelopes import WireError, read_incident, read_outcome, source_of
from streams.intake.kafka_record import KafkaRecord
from streams.shard.ladder.outcomes import actions_after
from streams.trust.authenticity import Authenticity

NAME = "incidents.jsonl"


class IncidentFileError(ValueError):
    """A line that is no incident. The command line shows `exit_message`."""

    def __init__(self, path: Path, line: int, reason: str) -> None:
        self.exit_message = f"{path}:{line}: {reason}, expected an incident as `tocsin replay` writes it"
        super().__init__(self.exit_message)


@dataclass(slots=True)
class IncidentLog:
    """The last state of each incident. unreadable: records that could not be read. first_unreadable:
    place and reason of the first one. unauthentic, first_unauthentic: those whose signature does not count."""

    incidents: dict[str, Incident] = field(default_factory=dict)
    unreadable: int = 0
    first_unreadable: str | None = None
    unauthentic: int = 0
    first_unauthentic: str | None = None

    def apply_incident(self, key: bytes | None, value: bytes | None) -> None:
        """Set the state of an incident; a tombstone removes it. Raises `WireError`."""
        if value is None and key is not None:
            self.incidents.pop(key.decode(errors="replace"), None)
            return
        incident = read_incident(value)
        self.incidents[incident.id] = incident

    def apply_outcome(self, _key: bytes | None, value: bytes | None) -> None:
        """Add an outcome to its incident; that of an unknown incident is ignored. Raises `WireError`."""
        outcome = read_outcome(value)
        incident = self.incidents.get(outcome.incident_id)
        changed = () if incident is None else actions_after(incident.actions, outcome)
        if incident is not None and changed:
            actions = list(incident.actions)
            for action in changed:
                upsert_action(actions, action)
            self.incidents[incident.id] = with_actions(incident, actions)

    def count_unreadable(self, place: str, error: WireError) -> None:
        """Count a record that cannot be read."""
        self.unreadable += 1
        self.first_unreadable = self.first_unreadable or f"{place}: {error}"

    def count_unauthentic(self, place: str, error: SignatureError) -> None:
        """Count a record that nobody with a key of its role signed."""
        self.unauthentic += 1
        self.first_unauthentic = self.first_unauthentic or f"{place}: {error}"


def read_files(paths: Iterable[Path]) -> IncidentLog:
    """Incidents of JSON lines, or of the folders that `tocsin replay` wrote; a later line of the same id wins.

    Raises `OSError` and `IncidentFileError`, naming the place.
    """
    log = IncidentLog()
    for path in paths:
        file = path / NAME if path.is_dir() else path
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    log.apply_incident(None, line)
                except WireError as error:
                    raise IncidentFileError(file, number, str(error)) from error
    return log


async def read_topics(config: Config) -> IncidentLog:
    """Incidents and outcomes up to the current end of the topics. A record that cannot be read is counted and skipped,
    and so is one whose signature does not count, where there are keys.

    Raises `BrokerUnavailable`, and `TopicError` where there is no topic of incidents.
    """
    topics, log = config.topics, IncidentLog()
    authenticity = Authenticity(ring_of(config.people, config.signing), source_of(config.kafka.group))
    async with open_reader(config) as reader:
        known = await partitions_of_topics(config)
        for places, apply, check in (
            (existing_places(known, topics.incidents), log.apply_incident, _check_incident),
            (places_of(known, topics.outcomes), log.apply_outcome, _check_outcome),
        ):
            async for record in read_to_end(reader, places):
                place = f"{record.topic}[{record.partition}] offset {record.offset}"
                try:
                    check(authenticity, record.topic, record)
                    apply(record.key, record.value)
                except WireError as error:
                    log.count_unreadable(place, error)
                except SignatureError as error:
                    log.count_unauthentic(place, error)
    return log


def _check_incident(authenticity: Authenticity, topic: str, record: KafkaRecord) -> None:
    if record.value is not None:
        authenticity.check_incident(topic, record)


def _check_outcome(authenticity: Authenticity, topic: str, record: KafkaRecord) -> None:
    authenticity.check_outcome(topic, record, read_outcome(record.value).status)

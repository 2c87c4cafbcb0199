"""The silences in the control topic of a running installation, as its workers accept them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from classifiers.directives import Expire, Silence
from config.models import Config
from streams.client.topic_reader import open_reader, partitions_of_topics, places_of, read_to_end
from streams.trust.silence_records import SilenceRecords

SilenceState = Literal["pending", "active", "ended"]


@dataclass(frozen=True, slots=True)
class StoredSilence:
    """A silence, and when it was ended before its time, None where nobody did."""

    silence: Silence
    expired_s: float | None = None

    @property
    def until_s(self) -> float:
        """When it ends or ended, seconds since the epoch."""
        return self.silence.until_s if self.expired_s is None else min(self.silence.until_s, self.expired_s)

    def state(self, now_s: float) -> SilenceState:
        """At a time, seconds since the epoch."""
        if now_s >= self.until_s:
            return "ended"
        return "active" if now_s >= self.silence.from_s else "pending"


async def read_silences(config: Config) -> list[StoredSilence]:
    """All that the topic still holds, by their beginning. A record that no accepted key signed does not count, nor does
    a second one with the same id, nor one of a person without the role. Raises `BrokerUnavailable`.
    """
    directives: list[object] = []
    records = SilenceRecords(config)
    async with open_reader(config) as reader:
        places = places_of(await partitions_of_topics(config), config.topics.control)
        async for record in read_to_end(reader, places):
            directive = records.read(record)
            if directive is not None:
                directives.append(directive)
    return silences_of(directives)


def silences_of(directives: Sequence[object]) -> list[StoredSilence]:
    """Those among directives, with what ended them."""
    expired = {one.silence_id: one.at_s for one in reversed(directives) if isinstance(one, Expire)}
    found: dict[str, StoredSilence] = {}
    for one in directives:
        if isinstance(one, Silence):
            found.setdefault(one.id, StoredSilence(one, expired.get(one.id)))
    return sorted(found.values(), key=lambda stored: stored.silence.from_s)

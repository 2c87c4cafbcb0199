"""Writes the control records by which people act, signed with a personal key. For the command line."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from actions.trust.key_files import read_private
from actions.trust.keys import Signer, public_text
from classifiers.directives import OfPerson
from config.models import Config
from config.trust.build import ring_of
from streams.client.control_writer import ControlWriteError, WrittenRecord, make_topic, send
from streams.contracts.envelopes import source_of
from streams.contracts.people.records import sign_by_hand
from streams.kafka.settings import security_of


@dataclass(frozen=True, slots=True)
class Signatory:
    """A person at the command line. name: under `people`."""

    name: str
    signer: Signer


def signatory(config: Config, key_file: Path) -> Signatory:
    """Whose key a file holds. Raises `ControlWriteError` for a key of nobody, `OSError`, and `KeyFileError`."""
    private = read_private(key_file)
    ring = ring_of(config.people, config.signing)
    key_id = ring.id_of(private)
    person = next((key.person for key in ring.keys if key.id == key_id), None)
    if key_id is None or person is None:
        public = public_text(private.public_key())
        raise ControlWriteError(f"{key_file}: {public} is the key of nobody, expected one under people.NAME.keys")
    return Signatory(person, Signer(key_id, private))


async def write_by_hand(config: Config, directive: OfPerson, signed_by: Signatory) -> WrittenRecord:
    """Sign a directive and write it. Raises `BrokerUnavailable` and `TopicError`."""
    topic, source = config.topics.control, source_of(config.kafka.group)
    message = sign_by_hand(directive, topic, source, time.time(), signed_by.signer)
    security = security_of(config)
    await make_topic(config, security)
    partition, offset = await send(config, security, message)
    return WrittenRecord(topic, partition, offset, signed_by.signer.id)

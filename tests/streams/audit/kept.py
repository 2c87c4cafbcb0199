"""An audit of one partition with its signed checkpoints, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from actions.trust.keys import KeyRing, PublicKey, Signer
from streams.audit.chain import Checkpoint, PartitionChain
from streams.audit.checkpoint_records import CheckpointRecord, checkpoint_message
from streams.audit.export import KeptAudit, KeptRecord
from streams.trust.authenticity import Authenticity
from tests.streams.fakes import T

TOPIC = "tocsin.checkpoints"
SIGNER = Signer("r1", Ed25519PrivateKey.generate())
RING = KeyRing([PublicKey("r1", SIGNER.private.public_key(), frozenset({"respond"}))])
AUTHENTICITY = Authenticity(RING, "/tocsin/test", SIGNER)
GONE_BEFORE_MS = int((T - 86_400.0) * 1000)


def record(offset: int, value: str = "", partition: int = 0, age_s: float = 0.0) -> KeptRecord:
    """An entry; its value is its offset unless one is given."""
    timestamp = int((T + offset - age_s) * 1000)
    return KeptRecord(partition, offset, timestamp, b"inc-1", (value or f"entry {offset}").encode(), (("h", b"1"),))


def checkpoints(records: Sequence[KeptRecord], cuts: Iterable[int]) -> list[Checkpoint]:
    """Checkpoints after these numbers of records."""
    chain, found = PartitionChain(records[0].partition), list[Checkpoint]()
    for count, each in enumerate(records, start=1):
        chain.add(each)
        if count in set(cuts):
            made = chain.checkpoint(T + each.offset)
            assert made is not None
            chain.accepted(made)
            found.append(made)
    return found


def signed(checkpoint: Checkpoint, authenticity: Authenticity = AUTHENTICITY) -> CheckpointRecord:
    """The record of a checkpoint."""
    message = authenticity.signed(TOPIC, checkpoint_message(checkpoint, "/tocsin/test"), "respond")
    return CheckpointRecord(message.value, message.headers)


def kept(records: Sequence[KeptRecord], made: Iterable[Checkpoint]) -> KeptAudit:
    """An audit of one partition."""
    return KeptAudit({records[0].partition: list(records)}, [signed(one) for one in made])

"""Records of people as a worker receives them, signed with keys made for the tests."""

from __future__ import annotations

from datetime import date

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from actions.trust.keys import KeyRing, PublicKey, Signer
from classifiers.by_hand import (
    Assign,
    Decide,
    Keep,
    Override,
    ResetStorm,
    Resolve,
    SetBreaker,
    Undo,
    Update,
    Withdraw,
)
from classifiers.directives import Acknowledge, Expire, Matcher, OfPerson, Silence
from classifiers.reviews_by_hand import ListedItem, SetItem, SubmitReview
from classifiers.telling_by_hand import Escalate, Release
from classifiers.viewing_by_hand import Watch
from streams.contracts.people.records import sign_by_hand
from tests.streams.contracts.signed import T, received
from tests.streams.records import FakeRecord

TOPIC = "tocsin.control"
SOURCE = "/tocsin/test"
BEN, MALLORY, RESPOND = (Ed25519PrivateKey.generate() for _ in range(3))
RING = KeyRing([
    PublicKey("ben-1", BEN.public_key(), frozenset({"person"}), "ben"),
    PublicKey("mallory-1", MALLORY.public_key(), frozenset({"person"}), "mallory"),
    PublicKey("r1", RESPOND.public_key(), frozenset({"respond"})),
])
SIGNERS = {"ben": Signer("ben-1", BEN), "mallory": Signer("mallory-1", MALLORY), "respond": Signer("r1", RESPOND)}
BY_HAND: list[OfPerson] = [
    Decide("k1", "d1", "approve", "ben", T, SOURCE, "ben-1", "00"), Withdraw("k1", "ben", T),
    Resolve("inc-1", "ben", T), Assign("inc-1", "ann", "ben", T),
    Update("inc-1", "ben", T, "so"), Undo("throttle", "chat/v2", "ben", T),
    Keep("throttle", "chat/v2", "ben", T), SetBreaker("chat/r0", "disable", "ben", T), ResetStorm("ben", T),
    Override("primary", "ann", T, T + 3600.0, "ben", T, "swap"), Release("5f3a", "release", "ben", T),
    Escalate("inc-1", "ben", T, "we need help", "primary"), Expire("sil-1", "ben", T),
    Silence("sil-1", (Matcher("service", "=", "chat"),), T, T + 60.0, "ben", "moving"),
    Acknowledge("inc-1", "ben", T, T + 60.0),
    SubmitReview("inc-1", "draft", "", "so", (ListedItem("item-1", "x", due=date(2026, 12, 1)),), "ben", T),
    SetItem("item-1", "inc-1", "ben", T, "done", due=date(2026, 12, 8)),
    Watch("chat", None, "latency_ms", "replica/r0", "ben", T, T + 60.0, "cli"),
]


def record(
    directive: OfPerson, signer: str = "ben", *, topic: str = TOPIC, source: str = SOURCE,
    dated_s: float = T + 0.05, headers: dict[str, bytes | None] | None = None,
) -> FakeRecord:
    """The record that the broker hands over. headers: replaced by name, removed where None."""
    return received(sign_by_hand(directive, topic, source, T, SIGNERS[signer]), headers, dated_s)

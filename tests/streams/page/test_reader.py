"""What the page takes from the response topic: with keys, only what the role respond signed, removals as well."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from actions.approvals.request import request_of
from actions.channels.notification import Draft, drafted
from actions.remedies.changes import begun
from actions.reviews.record import ActionItem, Review
from actions.trust.keys import KeyRing, PublicKey, Signer
from classifiers.directives import Expire, Matcher, Silence
from streams.contracts.catalogue import APPROVAL, ITEM, NOTIFICATION, REVIEW
from streams.contracts.control_records import sign
from streams.contracts.envelopes import Message, approval_message, notification_message, source_of, tombstone
from streams.contracts.people.reviews import item_message, review_message
from streams.contracts.signatures import sign_message
from streams.page.state import PageState
from streams.page.summaries import force_view
from streams.respond.page.reader import PageReader
from streams.trust.authenticity import Authenticity
from tests.actions.approvals.cases import SOURCE, T, suggested
from tests.actions.channels.cases import MESSAGE
from tests.streams.fakes import config_of, record_of
from tests.streams.records import FakeRecord

RESPOND = Signer("r1", Ed25519PrivateKey.generate())
FORGER = Signer("r1", Ed25519PrivateKey.generate())
KEYS = Authenticity(KeyRing([PublicKey("r1", RESPOND.private.public_key(), frozenset({"respond"}))]), SOURCE)
WAITING = drafted(replace(MESSAGE, id="n1"), "mail", Draft("customer", "chat", "f00d", ("commander",)), T)
WRITTEN = (
    (APPROVAL, approval_message(request_of(suggested(), 2, 1, T), SOURCE, 0)),
    (NOTIFICATION, notification_message(WAITING, SOURCE, 0)),
    (REVIEW, review_message(Review("inc-1", 1, "draft", "", "", "anna", T), SOURCE, 0)),
    (ITEM, item_message(ActionItem("item-1", "inc-1", 1, "open", "Pin it", None, None, "anna", T), SOURCE, 0)),
)


def counts(state: PageState) -> list[int]:
    """How many requests, texts that wait, reviews and items there are."""
    return [len(state.requests()), len(state.texts.waiting()), len(state.reviews.reviews()), len(state.reviews.items())]


async def test_what_waits_and_reviews_come_and_go_with_signed_records_only(tmp_path: Path) -> None:
    config, state = config_of(tmp_path), PageState()
    reader, topic = PageReader(config, state, KEYS, lambda: None), config.topics.response

    async def read(message: Message, signer: Signer) -> None:
        await reader.process(topic, [record_of(sign_message(topic, message, signer), topic)])

    for signer, expected in ((FORGER, [0, 0, 0, 0]), (RESPOND, [1, 1, 1, 1])):
        for _, message in WRITTEN:
            await read(message, signer)
        assert counts(state) == expected
    for signer, expected in ((FORGER, [1, 1, 1, 1]), (RESPOND, [0, 0, 0, 0])):
        for kind, message in WRITTEN:
            assert message.key is not None
            await read(tombstone(kind, message.key.decode(), SOURCE, T, 0), signer)
        assert counts(state) == expected


@pytest.mark.parametrize("value", [b"null", b"[]", b"{"])
async def test_a_record_that_cannot_be_read_hides_none_of_the_same_poll(tmp_path: Path, value: bytes) -> None:
    state, config = PageState(), config_of(tmp_path)
    topic = config.topics.ledger
    remedy = begun(None, suggested(kind="circuit_breaker", target="chat/r0"), 3600.0, 2, T)
    assert remedy is not None
    await PageReader(config, state, KEYS, lambda: None).process(topic, [
        FakeRecord(value, 0, topic), FakeRecord(orjson.dumps(remedy.to_json()), 1, topic),
    ])
    assert [one.target for one in state.in_force.remedies()] == ["chat/r0"]


async def test_silences_count_by_their_signature_and_end_before_their_time(tmp_path: Path) -> None:
    secret = "a-secret-of-sixteen-characters"
    (tmp_path / "secret").write_text(secret)
    config = config_of(tmp_path, f"version: 1\ncontrol: {{keys: {{ops: {{secret_file: {tmp_path}/secret}}}}}}\n")
    state, topic, source = PageState(), config.topics.control, source_of(config.kafka.group)
    reader = PageReader(config, state, KEYS, lambda: None)
    one = Silence("sil-1", (Matcher("service", "=", "chat"),), T, T + 3600.0, "ana", "moving")

    async def read(directive: Silence | Expire, written_with: str) -> list[tuple[str, float]]:
        message = sign(directive, "ops", written_with.encode(), source, T)
        record = FakeRecord(message.value, 0, topic, 0, int(T * 1000), message.key, message.headers)
        await reader.process(topic, [record])
        return [(row["what"], row["until_s"]) for row in force_view(state)["silences"]]

    assert await read(one, "another-secret-of-somebody") == []
    assert await read(one, secret) == [("service chat", T + 3600.0)]
    assert await read(replace(one, until_s=T + 9000.0), secret) == [("service chat", T + 3600.0)]
    assert await read(Expire("sil-1", "ana", T + 60.0), secret) == [("service chat", T + 60.0)]

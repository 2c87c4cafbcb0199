"""A signature counts while its key is known, valid, and meant for what it signs."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from actions.trust.keys import KeyRing, PublicKey, SignatureError, Signer, framed, public_text, read_public

OLD, NEW = (Signer(name, Ed25519PrivateKey.generate()) for name in ("old", "new"))
RING = KeyRing([
    PublicKey("old", OLD.private.public_key(), frozenset({"watch"}), until_s=200.0),
    PublicKey("new", NEW.private.public_key(), frozenset({"watch"}), from_s=100.0),
])


def fault(signer: Signer, at_s: float, ring: KeyRing = RING, text: bytes = b"text") -> str | None:
    try:
        ring.verify(signer.id, "watch", text, signer.sign(b"text"), at_s)
    except SignatureError as error:
        return error.reason
    return None


def test_while_a_key_is_replaced_both_count_and_before_and_after_only_one() -> None:
    assert [fault(OLD, at_s) for at_s in (0.0, 100.0, 199.9, 200.0)] == [None, None, None, "expired_key"]
    assert [fault(NEW, at_s) for at_s in (99.9, 100.0, 1e9)] == ["expired_key", None, None]


def test_a_key_that_was_removed_is_revoked() -> None:
    assert fault(OLD, 0.0, KeyRing([key for key in RING.keys if key.id != "old"])) == "unknown_key"


def test_a_key_of_a_process_signs_nothing_else() -> None:
    with pytest.raises(SignatureError, match="a key of watch, expected one of respond"):
        RING.verify("new", "respond", b"text", NEW.sign(b"text"), 150.0)


@pytest.mark.parametrize("signature", ["", "zz", "00" * 64, "é" * 10])
def test_what_is_no_signature_is_refused_as_a_bad_one(signature: str) -> None:
    with pytest.raises(SignatureError) as raised:
        RING.verify("new", "watch", b"text", signature, 150.0)
    assert raised.value.reason == "bad_signature"


def test_another_text_does_not_fit() -> None:
    assert fault(NEW, 150.0, text=b"other") == "bad_signature"


def test_no_two_lists_of_parts_are_framed_alike() -> None:
    assert len({framed(parts) for parts in ([b"a", b"b"], [b"ab"], [b"", b"ab"], [b"a,1:b"], [b"a", b"", b"b"])}) == 5


def test_a_private_key_has_no_text_form() -> None:
    assert repr(NEW) == "Signer(new)"


def test_a_public_key_is_read_back_from_its_text() -> None:
    public = NEW.private.public_key()
    assert public_text(read_public(public_text(public))) == public_text(public)


@pytest.mark.parametrize("other", [
    PublicKey("new", OLD.private.public_key(), frozenset({"watch"})),
    PublicKey("newer", NEW.private.public_key(), frozenset({"respond"})),
])
def test_two_keys_of_one_id_or_of_one_public_part_are_refused(other: PublicKey) -> None:
    with pytest.raises(ValueError, match="a second one of its id or of its public part"):
        KeyRing([PublicKey("new", NEW.private.public_key(), frozenset({"watch"})), other])

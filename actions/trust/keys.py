"""Ed25519 keys and signatures: the bytes that are signed, signing, and verifying against the keys that are valid.

Several keys may be valid at once, so that a key can be replaced without a gap. A key that is not in the ring any more
is revoked. Signing takes about 30 us, verifying about 90. Pure: the time is an argument.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PREFIX = "ed25519:"
Use = Literal["watch", "execute", "respond", "person"]
"""What a key is for: the three roles of processes, and people."""
FaultReason = Literal["unsigned", "unknown_key", "wrong_use", "expired_key", "bad_signature", "replayed"]
"""replayed: a copy of an old record, with a signature that counts."""


class SignatureError(ValueError):
    """A signature that does not count. reason: for counting."""

    def __init__(self, reason: FaultReason, text: str) -> None:
        self.reason = reason
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key to verify with. person: whose it is, None for a process. from_s, until_s: when it is valid, seconds since
    the epoch; `until_s` is exclusive."""

    id: str
    public: Ed25519PublicKey
    uses: frozenset[Use]
    person: str | None = None
    from_s: float = -math.inf
    until_s: float = math.inf


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key with its id. It has no text form."""

    id: str
    private: Ed25519PrivateKey

    def sign(self, text: bytes) -> str:
        """The signature, 128 hexadecimal digits."""
        return self.private.sign(text).hex()

    def __repr__(self) -> str:
        return f"Signer({self.id})"


class KeyRing:
    """The keys whose signatures count. Raises `ValueError` for two keys of one id or of one public part."""

    def __init__(self, keys: Iterable[PublicKey] = ()) -> None:
        self._keys: dict[str, PublicKey] = {}
        known: dict[str, str] = {}
        for key in keys:
            text = public_text(key.public)
            if key.id in self._keys or text in known:
                raise ValueError(f"key {key.id!r}: a second one of its id or of its public part, expected one")
            self._keys[key.id] = key
            known[text] = key.id

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def keys(self) -> Sequence[PublicKey]:
        """All of them, valid now or not."""
        return tuple(self._keys.values())

    def use_of(self, key_id: str | None) -> Literal["person", "process"] | None:
        """Whether a key is a personal one; None for an unknown key."""
        key = None if key_id is None else self._keys.get(key_id)
        if key is None:
            return None
        return "process" if key.person is None else "person"

    def id_of(self, private: Ed25519PrivateKey) -> str | None:
        """The id under which the public part of a private key is known."""
        wanted = public_text(private.public_key())
        return next((key.id for key in self._keys.values() if public_text(key.public) == wanted), None)

    def verify(self, key_id: str, use: Use, text: bytes, signature: str, at_s: float) -> PublicKey:
        """The key, if it may be used for this, is valid at the time, and signed the text; else `SignatureError`."""
        key = self._keys.get(key_id)
        if key is None:
            known = ", ".join(sorted(one.id for one in self._keys.values() if use in one.uses)) or "none is configured"
            raise SignatureError("unknown_key", f"signed by {key_id[:40]!r}, expected a key of {use}: {known}")
        if use not in key.uses:
            uses = ", ".join(sorted(key.uses))
            raise SignatureError("wrong_use", f"signed by {key_id!r}, a key of {uses}, expected one of {use}")
        if not key.from_s <= at_s < key.until_s:
            raise SignatureError("expired_key", f"signed by {key_id!r}, valid {validity(key)}, expected a valid key")
        try:
            key.public.verify(bytes.fromhex(signature), text)
        except (InvalidSignature, ValueError):
            fault = f"the signature does not fit what it stands at and the key {key_id!r}"
            raise SignatureError("bad_signature", fault) from None
        return key


def framed(parts: Iterable[bytes]) -> bytes:
    """The bytes to sign: each part as its length in bytes, a colon, itself and a comma. No two lists give the same.

    >>> framed([b"ab", b""])
    b'2:ab,0:,'
    """
    return b"".join(b"%d:%s," % (len(part), part) for part in parts)


def public_text(public: Ed25519PublicKey) -> str:
    """A public key as the configuration has it."""
    return PREFIX + base64.b64encode(public.public_bytes_raw()).decode()


def read_public(text: str) -> Ed25519PublicKey:
    """The public key of `public_text`; raises `ValueError`."""
    if not text.startswith(PREFIX):
        raise ValueError(f"public key {text[:20]!r}, expected {PREFIX} and 32 bytes in base64")
    return Ed25519PublicKey.from_public_bytes(base64.b64decode(text.removeprefix(PREFIX), validate=True))


def validity(key: PublicKey) -> str:
    """When a key is valid, for people."""
    begin = "" if math.isinf(key.from_s) else f"from {_date(key.from_s)} "
    end = "for ever" if math.isinf(key.until_s) else f"until {_date(key.until_s)}"
    return begin + end


def _date(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="minutes").replace("+00:00", "Z")

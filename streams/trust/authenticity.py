"""Signing of what this worker writes, and whether an intent that it reads is authentic.

With keys under `signing.keys`, an intent must be signed by a key of the role worker, for this topic and this
deployment. Without any, everything that only notifies is accepted, and what acts is refused unless
`signing.unsigned: accept` says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

from actions.model import HARMLESS, Intent
from actions.trust.keys import KeyRing, PublicKey, SignatureError, Signer, Use
from streams.contracts.envelopes import Message
from streams.contracts.signatures import SignedRecord, sign_message, verify_record


@dataclass(frozen=True, slots=True)
class Authenticity:
    """ring: the keys that count. source: the deployment. signer: of this process, None where it signs nothing.

    accepts_unsigned: whether what acts is accepted unsigned while there are no keys of processes.
    """

    ring: KeyRing
    source: str
    signer: Signer | None = None
    accepts_unsigned: bool = False

    @property
    def has_keys(self) -> bool:
        """Whether there are keys of processes, so that everything must be signed."""
        return any(key.person is None for key in self.ring.keys)

    @property
    def checks_checkpoints(self) -> bool:
        """Whether checkpoints of the audit must be signed."""
        return any("respond" in key.uses for key in self.ring.keys)

    @property
    def may_cover_audit(self) -> bool:
        """Whether a checkpoint of this process counts."""
        return not self.checks_checkpoints or self._may_sign("respond")

    def signed(self, topic: str, message: Message, use: Use) -> Message:
        """The message, signed if this process has a key for it. About 30 us."""
        if self.signer is None or not self._may_sign(use):
            return message
        return sign_message(topic, message, self.signer)

    def check(self, topic: str, record: SignedRecord, intent: Intent, now_s: float) -> PublicKey | None:
        """The key that signed an intent; None where none is needed. Raises `SignatureError`. About 100 us."""
        if not self.has_keys:
            if self.accepts_unsigned or intent.kind in HARMLESS or intent.mode != "auto":
                return None
            raise SignatureError("unsigned", "no signing.keys are configured, so nothing that acts can be trusted")
        key = verify_record(topic, record, self.ring, "worker", now_s)
        source = next((value for name, value in record.headers if name == "ce_source"), b"").decode(errors="replace")
        if source != self.source:
            raise SignatureError("bad_signature", f"from {source[:60]!r}, expected the deployment {self.source!r}")
        return key

    def checkpoint_fault(self, topic: str, record: SignedRecord, at_s: float) -> str | None:
        """Why a checkpoint of the audit does not count; None where it does, and where no key of respond is known."""
        if not self.checks_checkpoints:
            return None
        try:
            verify_record(topic, record, self.ring, "respond", at_s)
        except SignatureError as error:
            return str(error)
        return None

    def notes(self) -> tuple[str, ...]:
        """What is not as safe as it could be, for people; empty where everything is signed."""
        if self.has_keys:
            missing = "signing.private_file: none, so what this process writes is unsigned and will be refused"
            return () if self.signer is not None else (missing,)
        if self.accepts_unsigned:
            return ("signing.keys: none, so whoever can write to the topic of actions acts (signing.unsigned: accept)",)
        return ("signing.keys: none, so only notifications are executed",)

    def _may_sign(self, use: Use) -> bool:
        return any(key.id == self.signer.id and use in key.uses for key in self.ring.keys if self.signer is not None)

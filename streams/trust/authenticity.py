"""Signing of what this process writes, and whether what it reads is authentic: intents, incidents and outcomes.

With keys under `signing.keys`, each must be signed by a key of the role that writes it, for this topic and this
deployment. Without any, incidents and outcomes are accepted, and so are intents that only notify. An intent that acts
is refused then, unless `signing.unsigned: accept` says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

from actions.model import HARMLESS, Intent, Status
from actions.trust.keys import KeyRing, PublicKey, SignatureError, Signer, Use, validity
from streams.contracts.envelopes import Message
from streams.contracts.signatures import SignedRecord, record_key, sign_message, verify_record
from streams.intake.kafka_record import KafkaRecord

ROLES: tuple[Use, ...] = ("watch", "execute", "respond")
OF_PEOPLE: frozenset[Status] = frozenset({"approved", "rejected", "withdrawn", "void"})
"""Outcomes that the role respond alone writes."""
OF_EITHER: frozenset[Status] = frozenset({"expired"})
"""A request that nobody answered, or an intent that came too late."""


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

    def check_request(self, topic: str, record: SignedRecord, by: str, now_s: float) -> PublicKey:
        """The key that signed a control record that acts, in the name of a person; raises `SignatureError`.

        It is a key of that person, or one of the role respond, which knows by token, JWT or Slack who it was. What the
        person may do is for the caller to check, and by the record's timestamp of the broker whether it is replayed.
        """
        use = self.ring.use_of(record_key(record))
        key = verify_record(topic, record, self.ring, "person" if use == "person" else "respond", now_s)
        self._check_source(record)
        if key.person is not None and key.person != by:
            text = f"signed by the key {key.id!r} of {key.person}, expected one of {by[:40]}"
            raise SignatureError("wrong_use", text)
        return key

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
        key = verify_record(topic, record, self.ring, "watch", now_s)
        self._check_source(record)
        return key

    def check_incident(self, topic: str, record: KafkaRecord) -> None:
        """Raises `SignatureError` for an incident that no key of the role worker signed. About 100 us.

        The key must be valid at the record's timestamp.
        """
        self._check_written(topic, record, "watch")

    def check_decided(self, topic: str, record: KafkaRecord) -> None:
        """Raises `SignatureError` for an intent that no key of the role worker signed, as of the record's timestamp.

        For who only reads what was decided: the executor calls `check`, as of now.
        """
        self._check_written(topic, record, "watch")

    def check_series(self, topic: str, record: KafkaRecord) -> None:
        """Raises `SignatureError` for windows that no key of the role worker signed, as of the record's timestamp."""
        self._check_written(topic, record, "watch")

    def check_response(self, topic: str, record: KafkaRecord) -> None:
        """Raises `SignatureError` for a request, escalation or notification that no key of the role respond signed.

        About 100 us.
        """
        self._check_written(topic, record, "respond")

    def check_removal(self, topic: str, record: KafkaRecord) -> None:
        """Raises `SignatureError` for a record without a value that no key of the role respond signed for its key.

        About 100 us.
        """
        self._check_written(topic, record, "respond")
        subject = next((value for name, value in record.headers if name == "ce_subject"), b"")
        if self.has_keys and subject != record.key:
            raise SignatureError("bad_signature", f"it removes {subject[:80]!r}, expected its own key")

    def check_outcome(self, topic: str, record: KafkaRecord, status: Status | None) -> None:
        """Raises `SignatureError` for an outcome that was not signed by the role that reports this status.

        status: None for a record that cannot be read. The key must be valid at the record's timestamp. About 100 us.
        """
        if status is None or status in OF_EITHER:
            key_id = record_key(record)
            by_respond = any(key.id == key_id and "execute" not in key.uses for key in self.ring.keys)
        else:
            by_respond = status in OF_PEOPLE
        self._check_written(topic, record, "respond" if by_respond else "execute")

    def checkpoint_fault(self, topic: str, record: SignedRecord, at_s: float) -> str | None:
        """Why a checkpoint of the audit does not count; None where it does, and where no key of respond is known."""
        if not self.checks_checkpoints:
            return None
        try:
            verify_record(topic, record, self.ring, "respond", at_s)
        except SignatureError as error:
            return str(error)
        return None

    def notes(self, now_s: float) -> tuple[str, ...]:
        """What is not as safe as it could be, for people; empty where all is signed by keys that are valid now."""
        if self.has_keys:
            missing = "signing.private_file: none, so what this process writes is unsigned and will be refused"
            roles = [use for use in ROLES if not any(use in key.uses for key in self.ring.keys)]
            unkeyed = f"signing.keys: none for {', '.join(roles)}, so what they write is ignored"
            return (
                *(() if self.signer is not None else (missing,)), *((unkeyed,) if roles else ()),
                *(_not_valid(key) for key in self._own_keys() if not key.from_s <= now_s < key.until_s),
            )
        if self.accepts_unsigned:
            return ("signing.keys: none, so whoever can write to the topic of actions acts (signing.unsigned: accept)",)
        return ("signing.keys: none, so only notifications are executed",)

    def _own_keys(self) -> list[PublicKey]:
        return [key for key in self.ring.keys if self.signer is not None and key.id == self.signer.id]

    def _check_written(self, topic: str, record: KafkaRecord, use: Use) -> None:
        if self.has_keys:
            verify_record(topic, record, self.ring, use, record.timestamp / 1000.0)
            self._check_source(record)

    def _check_source(self, record: SignedRecord) -> None:
        source = next((value for name, value in record.headers if name == "ce_source"), b"").decode(errors="replace")
        if source != self.source:
            raise SignatureError("bad_signature", f"from {source[:60]!r}, expected the deployment {self.source!r}")

    def _may_sign(self, use: Use) -> bool:
        return any(key.id == self.signer.id and use in key.uses for key in self.ring.keys if self.signer is not None)


def _not_valid(key: PublicKey) -> str:
    return (
        f"signing.private_file: {key.id} is valid {validity(key)}, so what this process writes is refused; expected a "
        "valid key, as `tocsin key new` makes it"
    )

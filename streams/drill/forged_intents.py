"""Intents for the drill `forge`: good ones, and bad ones of eight kinds, as records of the topic of actions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from actions.model import ApprovalTerms, Decision, Fleet, Intent, Path
from actions.trust.allow_list import Allowed, AllowList, ParamBound
from actions.trust.decisions import sign_decision
from actions.trust.keys import KeyRing, PublicKey, Signer
from actions.trust.people import Directory, Member
from streams.contracts.envelopes import Message, intent_message
from streams.contracts.signatures import sign_message

SOURCE = "/tocsin/drill"
ACTIONS, OUTCOMES = "tocsin.actions", "tocsin.outcomes"
By = tuple[str, Signer, Path]
"""A person, the key that signs, and the path."""
TERMS = ApprovalTerms(roles=("approver",), count=2)
DIGEST = "d" * 64
FLEET = Fleet(size=100_000, healthy=100_000, alarming=0)
ALLOWED = AllowList((
    Allowed("circuit_breaker", ("chat/*",)),
    Allowed("throttle", ("chat/*",), params={"factor": ParamBound(0.2, 1.0)}),
))
PERSONS: Mapping[str, Member] = {
    "anna": Member("anna", frozenset({"approver", "commander"})), "chi": Member("chi", frozenset({"approver"})),
    "ben": Member("ben", frozenset({"responder"})),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One record. name: which kind of bad intent, or `good`. intent: as written, before anybody changed it."""

    name: str
    intent: Intent
    message: Message


class Forge:
    """Keys of an installation in the middle of a rotation, and of somebody who has none of them.

    now_s: when the drill is, seconds since the epoch.
    """

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s
        self.old, self.new, self.expired, self.foreign, self.respond, self.anna, self.ben, self.chi = (
            Signer(name, Ed25519PrivateKey.generate())
            for name in ("w-old", "w-new", "w-expired", "w-foreign", "r1", "anna-1", "ben-1", "chi-1")
        )
        self.ring = KeyRing([
            PublicKey(self.old.id, self.old.private.public_key(), frozenset({"watch"}), until_s=now_s + 3600.0),
            PublicKey(self.new.id, self.new.private.public_key(), frozenset({"watch"}), from_s=now_s - 3600.0),
            PublicKey(self.expired.id, self.expired.private.public_key(), frozenset({"watch"}), until_s=now_s - 1.0),
            PublicKey(self.respond.id, self.respond.private.public_key(), frozenset({"respond"})),
            *(
                PublicKey(key.id, key.private.public_key(), frozenset({"person"}), person=name)
                for name, key in (("anna", self.anna), ("ben", self.ben), ("chi", self.chi))
            ),
        ])
        self.directory = Directory(PERSONS.values(), lambda _: ())

    def cases(self, each: int) -> Iterator[Case]:
        """So many of each kind, in turn, with as many good ones among them."""
        makers: Mapping[str, Callable[[Intent, int], tuple[Intent, Message]]] = {
            "good": self._good, "unsigned": self._unsigned, "wrong_key": self._wrong_key,
            "expired_key": self._expired_key, "edited": self._edited, "replayed": self._replayed,
            "expired": self._expired, "not_allowed": self._not_allowed, "unauthorised": self._unauthorised,
        }
        for number in range(each):
            for name, make in makers.items():
                intent, message = make(self._intent(f"{name}-{number}", number), number)
                yield Case(name, intent, message)

    def _intent(self, key: str, number: int) -> Intent:
        kind, params = ("circuit_breaker", dict[str, float]()) if number % 2 else ("throttle", {"factor": 0.5})
        return Intent(
            key, "inc-1", kind, f"chat/r{number}", "auto", "a drill", self.now_s, self.now_s + 120.0, "chat",
            params={**params}, digest=DIGEST, fleet=FLEET,
        )

    def _signed(self, intent: Intent, signer: Signer, topic: str = ACTIONS) -> Message:
        return sign_message(topic, intent_message(intent, SOURCE, 0), signer)

    def _good(self, intent: Intent, number: int) -> tuple[Intent, Message]:
        """Signed by the old key or the new one, in turn; every other one with two approvals, by CLI and HTTP."""
        if number % 4 < 2:
            made = self._decided(intent, ("anna", self.anna, "cli"), ("chi", self.respond, "http"))
        else:
            made = intent
        return made, self._signed(made, (self.old, self.new)[number % 2])

    def _unsigned(self, intent: Intent, _: int) -> tuple[Intent, Message]:
        return intent, intent_message(intent, SOURCE, 0)

    def _wrong_key(self, intent: Intent, number: int) -> tuple[Intent, Message]:
        """A key that nobody knows, under its own id or that of a true one, or a true key of another role."""
        signer = (self.foreign, Signer(self.new.id, self.foreign.private), self.respond)[number % 3]
        return intent, self._signed(intent, signer)

    def _expired_key(self, intent: Intent, _: int) -> tuple[Intent, Message]:
        return intent, self._signed(intent, self.expired)

    def _edited(self, intent: Intent, number: int) -> tuple[Intent, Message]:
        """The target, the key or the expiry of a signed record, changed afterwards."""
        edit = ({"target": "chat/all"}, {"key": "other"}, {"expires_at_s": self.now_s + 1e6})[number % 3]
        signed = self._signed(intent, self.new)
        return intent, replace(signed, value=orjson.dumps({**orjson.loads(signed.value or b"{}"), **edit}))

    def _replayed(self, intent: Intent, number: int) -> tuple[Intent, Message]:
        """A true signature of another event id, another topic or another deployment, or with a second shard."""
        if number % 4 == 0:
            return intent, self._signed(intent, self.new, OUTCOMES)
        if number % 4 == 1:
            return intent, sign_message(ACTIONS, intent_message(intent, "/tocsin/other", 0), self.new)
        signed = self._signed(intent, self.new)
        if number % 4 == 2:
            return intent, replace(signed, headers=(("tocsin-shard", b"7"), *signed.headers))
        changed = tuple((name, b"another" if name == "ce_id" else value) for name, value in signed.headers)
        return intent, replace(signed, headers=changed)

    def _expired(self, intent: Intent, number: int) -> tuple[Intent, Message]:
        """Past its expiry, or decided too long ago."""
        if number % 2:
            made = replace(intent, expires_at_s=self.now_s - 1.0)
        else:
            made = replace(intent, decided_at_s=self.now_s - 3600.0)
        return made, self._signed(made, self.new)

    def _not_allowed(self, intent: Intent, number: int) -> tuple[Intent, Message]:
        """A kind, a target or a parameter that the executor's own list does not have."""
        made = (
            replace(intent, kind="rollback"), replace(intent, target=f"billing/r{number}"),
            replace(intent, kind="throttle", params={"factor": 0.0}),
            replace(intent, kind="throttle", params={"factor": 0.5, "route": "elsewhere"}),
        )[number % 4]
        return made, self._signed(made, self.new)

    def _unauthorised(self, intent: Intent, number: int) -> tuple[Intent, Message]:
        """Consent that is missing, of too few, of somebody without the role, or of another time, place or terms."""
        anna: By = ("anna", self.anna, "cli")
        chi: By = ("chi", self.chi, "cli")
        stranger: By = ("chi", self.ben, "cli")
        whole = self._decided(intent, anna, chi)
        first, second = whole.decisions
        made = (
            replace(whole, decisions=()), replace(whole, decisions=(first,)), replace(whole, decisions=(first, first)),
            self._decided(intent, anna, ("ben", self.ben, "cli")), self._decided(intent, anna, stranger),
            self._decided(intent, anna, ("dora", self.respond, "slack")),
            replace(whole, decisions=(first, replace(second, who="ben"))), replace(whole, digest="e" * 64),
            replace(whole, decisions=(first, self._decision(intent, "chi", self.chi, "cli", self.now_s - 7200.0))),
            replace(whole, target="chat/r999"), replace(whole, decisions=(first, replace(second, verb="reject"))),
        )[number % 11]
        return made, self._signed(made, self.new)

    def _decided(self, intent: Intent, *by: By) -> Intent:
        decisions = tuple(self._decision(intent, who, signer, path, self.now_s - 5.0) for who, signer, path in by)
        return replace(intent, approval=TERMS, decisions=decisions)

    def _decision(self, intent: Intent, who: str, signer: Signer, path: Path, at_s: float) -> Decision:
        return sign_decision(intent, who, "approve", path, at_s, SOURCE, signer)

"""A desk with one open incident, people with accounts at vendors, and the log that they write to."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from actions.approvals.desk import Desk
from actions.trust.approvals import ApprovalCheck
from actions.trust.keys import KeyRing, PublicKey, Signer
from actions.trust.people import Directory, Member
from classifiers.directive_fields import Vendor
from streams.respond.vendors.vendor_actions import VendorActions
from tests.actions.approvals.cases import SOURCE, T, incident
from tests.streams.respond.written_log import WrittenLog

PRIVATE = Ed25519PrivateKey.generate()
SKEW_S = 240.0
NOW_S = T + 1_000.0


class Vendors:
    """owned: whether the service has owners, of whom rob is one. now_s: the wall clock, which a test may set."""

    def __init__(self, *, owned: bool = False, **roles: Any) -> None:
        directory = Directory(
            [Member("rob", frozenset({"responder"})), Member("vera", frozenset({"viewer"}))],
            lambda _: ("rob",) if owned else (), roles,  # type: ignore[arg-type]
        )
        check = ApprovalCheck(
            directory, KeyRing([PublicKey("r1", PRIVATE.public_key(), frozenset({"respond"}))]), SOURCE,
        )
        self.directory = directory
        self.desk = Desk(check)
        self.desk.add_incident(incident(), T)
        self.log = WrittenLog(Signer("r1", PRIVATE))
        self.now_s = NOW_S
        people: dict[Vendor, dict[str, str]] = {
            "pagerduty": {"PROB": "rob", "PVERA": "vera", "rob@example.com": "rob"},
            "servicenow": {"rob.k": "rob", "vera.v": "vera"},
        }
        self.actions = VendorActions(self.desk, directory, people, self.log, lambda: self.now_s, SKEW_S)

"""The people of the configuration: who holds which role for a service, and whose signatures are valid."""

from __future__ import annotations

from actions.model import Decision, Intent
from actions.trust.decisions import verify_decision
from actions.trust.keys import KeyRing, PublicKey, SignatureError, read_public
from actions.trust.roles import Verb, may, roles_that_may
from config.models import Config


class ConfiguredPeople:
    """Implements `actions.approvals.decide.People`. source: of the deployment, as in `ce_source`."""

    def __init__(self, config: Config, source: str) -> None:
        self._config = config
        self._source = source
        self.ring = ring_of(config)

    def holds(self, person: str, roles: tuple[str, ...], service: str) -> bool:
        """Whether a person holds one of these roles for a service; False for who is unknown or owns it not."""
        known = self._config.people.get(person)
        owners = self._config.owners_of(service)
        return known is not None and (not owners or person in owners) and bool(set(known.roles) & set(roles))

    def may(self, person: str, verb: Verb, service: str | None = None) -> str | None:
        """Why a person may not do something; None where the person may. service: None where no service is concerned."""
        known = self._config.people.get(person)
        if known is None:
            return f"{person} is unknown, expected a name under people"
        owners = () if service is None else self._config.owners_of(service)
        if owners and person not in owners:
            return f"{person} is no owner of {service}, expected one of {', '.join(owners)}"
        if not may(known.roles, verb):
            return f"{person} may not {verb}, expected one of the roles {', '.join(roles_that_may(verb))}"
        return None

    def fault(self, decision: Decision, intent: Intent, dated_s: float) -> str | None:
        """Why the signature of a decision about an intent does not count; None where it does."""
        if decision.source != self._source:
            return f"made for {decision.source}, expected {self._source}"
        try:
            key = verify_decision(decision, intent, self.ring, dated_s)
        except SignatureError as error:
            return str(error)
        if decision.path == "cli" and key.person != decision.who:
            return f"by {decision.who}, signed by a key of {key.person}, expected one person"
        return None


def ring_of(config: Config) -> KeyRing:
    """The keys of people and of processes that the configuration names."""
    keys = [
        PublicKey(key.id, read_public(key.public), frozenset({"person"}), name, *_bounds(key.from_s, key.until_s))
        for name, person in config.people.items() for key in person.keys
    ]
    processes = [
        PublicKey(key.id, read_public(key.public), frozenset(key.for_), None, *_bounds(key.from_s, key.until_s))
        for key in config.signing.keys
    ]
    return KeyRing([*keys, *processes])


def _bounds(from_s: float | None, until_s: float | None) -> tuple[float, float]:
    return (float("-inf") if from_s is None else from_s, float("inf") if until_s is None else until_s)

"""What a person can do with a button of the page: who may, what the dialog says, and what is to be written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import click
from playwright.async_api import Locator, Page

from actions.approvals.decide import decided_by
from actions.approvals.request import request_of
from actions.ledger.records import STORM_KEY, LedgerRecord
from actions.ledger.remedy import Remedy
from actions.model import DecisionVerb, Intent
from actions.remedies.changes import begun
from actions.trust.keys import Signer
from actions.trust.roles import Verb
from classifiers.by_hand import Assign, Decide, Keep, ResetStorm, Resolve, SetBreaker, Undo, Update, Withdraw
from classifiers.directives import Acknowledge, Expire, Matcher, OfPerson, Silence
from classifiers.incident_silence import silence_of
from classifiers.model import BreakerState, Incident
from classifiers.telling_by_hand import Escalate
from streams.cli import control
from streams.cli.people import approval, by_hand
from tests.actions.approvals.cases import SOURCE, T, incident, suggested
from tests.streams.page.served import PRIVATE, ServedPage

AT = T + 60.0
"""When everything is done."""
SERVICES = ("chat", "vault")
"""That of everybody, and one of somebody else."""
Where = Literal["incident", "silenced", "request", "remedy", "breaker", "forced", "storm", "listed"]


def open_incident(service: str) -> Incident:
    return incident(f"{service}-open", service=service, title=f"{service} is slow")


def silence_of_all(service: str) -> Silence:
    return Silence(f"{service}-sil", (Matcher("service", "=", service),), T, T + 7200.0, "ann", "new racks")


def intent_of(service: str) -> Intent:
    return suggested(f"{service}-k", f"{service}-open", service=service, target=f"{service}/v2")


def _remedy(kind: str, target: str, state: BreakerState | None = None) -> Remedy:
    wanted = suggested(target, "inc", kind=kind, target=target, service=target.partition("/")[0], mode="auto")
    made = begun(None, wanted, 3600.0, None, T)
    assert made is not None
    if state is None:
        return made
    assert made.breaker is not None
    return replace(made, breaker=replace(made.breaker, state=state))


def tell_all(served: ServedPage) -> None:
    """For each service: an incident that is open and one that is silenced, a silence, a request, a remedy, two
    breakers; and the storm brake."""
    served.in_force(LedgerRecord(STORM_KEY, "storm_tripped", T))
    for service in SERVICES:
        known = open_incident(service)
        served.tell(known, replace(known, id=f"{service}-silenced", silenced_by=f"{service}-sil"))
        served.page.state.add_silence(silence_of_all(service))
        served.ask(intent_of(service))
        served.in_force(
            _remedy("throttle", f"{service}/v2"), _remedy("circuit_breaker", f"{service}/r 1#?", "open"),
            _remedy("circuit_breaker", f"{service}/r2", "forced_open"),
        )


@dataclass(frozen=True)
class Deed:
    """where: its button. says: the effect, in words of the dialog, beside what it is about. given: typed into fields.
    reason: the field that must be filled, None where none must. command: that does the same. done: of the message
    after it. written: for the service `chat`.
    """

    button: str
    who: str
    verb: Verb
    where: Where
    says: str
    command: click.Command
    done: str
    written: OfPerson
    given: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = None

    def __str__(self) -> str:
        return f"{self.button}: {self.done}" + (" by its id" if self.where == "listed" else "")

    @property
    def is_asked(self) -> bool:
        """Whether the command line wants a reason or a text."""
        return any(one.required for one in self.command.params if one.name in ("comment", "reason", "text"))

    def about(self, service: str) -> str:
        """What the dialog must name."""
        if self.button == "Silence":
            return f"incidents of service {service}"
        return {
            "incident": f"{service} is slow", "silenced": f"service {service}", "request": f"throttle {service}/v2",
            "remedy": f"throttle {service}/v2", "breaker": f"{service}/r 1#?", "forced": f"{service}/r2",
            "storm": "Playbooks in mode auto", "listed": f"service {service}",
        }[self.where]

    async def shown_to(self, page: Page, service: str = "chat") -> Locator:
        """The button on the page, of which the view is opened, without a dialog that another test left."""
        view = f"#/incident/{service}-{'open' if self.where == 'incident' else 'silenced'}"
        of_incident = self.where in ("incident", "silenced")
        await page.evaluate("document.querySelector('dialog').close()")
        await page.evaluate("view => { location.hash = view; }", view if of_incident else "#/")
        panels = {"request": "Waiting for approval", "listed": "Silences"}
        panel = page.get_by_label(panels.get(self.where, "In force at targets"))
        about = "The storm brake is on" if self.where == "storm" else self.about(service)
        within = page.locator(f".incident-head:has-text('{view.rpartition('/')[2]}')")
        return (within if of_incident else panel.locator(".item", has_text=about)).get_by_role(
            "button", name=self.button, exact=True,
        )


def _decided(who: str, verb: DecisionVerb, comment: str) -> Decide:
    request, signer = request_of(intent_of("chat"), 0, 1, T), Signer("r1", PRIVATE)
    return decided_by(request, who, verb, "http", AT, SOURCE, signer, comment)


def _by_responder(
    button: str, verb: Verb, where: Where, says: str, command: click.Command, done: str, written: OfPerson,
    reason: str | None = None, **given: str,
) -> Deed:
    return Deed(button, "rob", verb, where, says, command, done, written, given, reason)


_ASSIGNED = [
    _by_responder(
        "Assign", "assign", "incident", "Whom you name gets a role", by_hand.assign, f"ann is {role}",
        Assign("chat-open", "ann", "rob", AT, "http", role, comment="on duty"), to="ann", role=role, comment="on duty",
    ) for role in ("owner", "commander", "scribe")
]
_OF_INCIDENT = [
    _by_responder(
        "Acknowledge", "acknowledge", "incident", "nobody else is paged, unless it becomes worse", by_hand.ack,
        "acknowledged",
        Acknowledge("chat-open", "rob", AT, AT + 1800.0, "mine"), minutes="30", comment="mine",
    ),
    _by_responder(
        "Silence", "silence", "incident", "Nobody is told, and no playbook acts", control.silence, "silenced",
        silence_of(open_incident("chat"), "rob", AT, 7200.0, "moving"), "comment", minutes="120", comment="moving",
    ),
    _by_responder(
        "Update", "update", "incident", "told to the audiences that ask for updates", by_hand.update, "update",
        Update("chat-open", "rob", AT, "restarting r1", "http"), "comment", comment="restarting r1",
    ),
    _by_responder(
        "Resolve", "resolve", "incident", "is called over", by_hand.resolve, "resolved",
        Resolve("chat-open", "rob", AT, "restarted", "http"), comment="restarted",
    ),
    _by_responder(
        "Escalate", "escalate", "incident", "The next step of the escalation is taken now", by_hand.escalate,
        "escalated", Escalate("chat-open", "rob", AT, "stuck", None, "http"), "comment", comment="stuck",
    ),
    _by_responder(
        "Escalate", "escalate", "incident", "whom you name is paged", by_hand.escalate, "escalated",
        Escalate("chat-open", "rob", AT, "stuck", "ann", "http"), "comment", to="ann", comment="stuck",
    ),
    _by_responder(
        "End silence", "silence", "silenced", "People are told again", control.expire, "silence ended",
        Expire("chat-sil", "rob", AT, "moved"), comment="moved",
    ),
    _by_responder(
        "End silence", "silence", "listed", "People are told again", control.expire, "silence ended",
        Expire("chat-sil", "rob", AT, "moved"), comment="moved",
    ),
]
_OF_TARGET = [
    _by_responder(
        "Undo", "undo", "remedy", "is taken back now", by_hand.undo, "undo of throttle chat/v2",
        Undo("throttle", "chat/v2", "rob", AT, "worse", "http"), comment="worse",
    ),
    _by_responder(
        "Keep", "keep", "remedy", "stays in force until a person takes it back", by_hand.keep, "keep throttle chat/v2",
        Keep("throttle", "chat/v2", "rob", AT, "", "http"),
    ),
    _by_responder(
        "Force open", "force_open", "breaker", "opens and stays open, without timers", by_hand.open_, "forced open",
        SetBreaker("chat/r 1#?", "force_open", "rob", AT, "disk", "http"), comment="disk",
    ),
    _by_responder(
        "Clear", "clear", "forced", "From now on it opens by itself again", by_hand.clear, "cleared",
        SetBreaker("chat/r2", "clear", "rob", AT, "", "http"),
    ),
    Deed(
        "Reset the storm brake", "ann", "storm_reset", "storm", "act by themselves again", by_hand.reset,
        "storm brake reset", ResetStorm("ann", AT, "calm", "http"), {"comment": "calm"},
    ),
]
_OF_REQUEST = [
    Deed(
        "Approve", "ann", "approve", "request", "It runs at once, if its conditions still hold", approval.approve,
        "approve of throttle chat/v2", _decided("ann", "approve", ""),
    ),
    Deed(
        "Reject", "ann", "reject", "request", "It does not run", approval.reject, "reject of throttle chat/v2",
        _decided("ann", "reject", "too early"), {"comment": "too early"},
    ),
    Deed(
        "Withdraw", "carl", "withdraw", "request", "Nobody is asked any more", approval.withdraw,
        "withdraw of throttle chat/v2", Withdraw("chat-k", "carl", AT, "solved", "http"), {"comment": "solved"},
    ),
    Deed(
        "Break glass", "carl", "break_glass", "request", "past freeze, cooldown, budget and storm brake",
        approval.break_glass, "break glass of throttle chat/v2", _decided("carl", "break_glass", "all is down"),
        {"comment": "all is down"}, "comment",
    ),
]
DEEDS = (*_ASSIGNED, *_OF_INCIDENT, *_OF_TARGET, *_OF_REQUEST)

"""`tocsin approval`: the decisions that wait for people, and deciding them with a personal key."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import click
import orjson

from actions.approvals.explained import explained
from actions.approvals.machine import OPEN
from actions.approvals.request import ApprovalRequest
from actions.model import DecisionVerb
from classifiers.by_hand import Decide, Withdraw
from config.models import Config
from streams.cli import Failure
from streams.cli.people.author import (
    Author,
    Standing,
    comment_option,
    date,
    decide,
    json_option,
    reason_option,
    run,
    wait_option,
    with_author,
    with_config,
)

if TYPE_CHECKING:
    from streams.client.by_hand_writer import Signatory


@click.group()
def approval() -> None:
    """List and decide what waits for people. Exit code 1: what was asked for did not come about."""


@approval.command("list")
@click.option("--all", "everything", is_flag=True, help="Those that have ended too.")
@json_option
@with_config
def list_(config: Config, everything: bool, as_json: bool) -> None:
    """List the requests that are open."""
    requests = [one for one in _requests(config).values() if everything or one.state in OPEN]
    for request in requests:
        click.echo(orjson.dumps(request) if as_json else _line(request))
    if not requests and not as_json:
        click.echo("no request is open")


@approval.command()
@click.argument("key")
@json_option
@with_config
def show(config: Config, key: str, as_json: bool) -> None:
    """Show one request: what would be done, why, and who decided what."""
    request = _found(config, key)
    click.echo(orjson.dumps(request, option=orjson.OPT_INDENT_2) if as_json else _text(request))


@approval.command()
@click.argument("key")
@comment_option
@wait_option
@with_author
def approve(author: Author, key: str, comment: str, wait_s: float) -> None:
    """Approve a request: it runs once enough people have."""
    _decide(author, key, "approve", comment, wait_s)


@approval.command()
@click.argument("key")
@comment_option
@wait_option
@with_author
def reject(author: Author, key: str, comment: str, wait_s: float) -> None:
    """Reject a request: it does not run, and its playbook stops."""
    _decide(author, key, "reject", comment, wait_s)


@approval.command()
@click.argument("key")
@comment_option
@wait_option
@with_author
def withdraw(author: Author, key: str, comment: str, wait_s: float) -> None:
    """Take a request back: nobody is asked any more."""
    _open_request(author.config, key)
    look = partial(_standing, author.config, key)
    decide(author, key, lambda person: Withdraw(key, person, time.time(), comment), look, wait_s)


@click.command("break-glass")
@click.argument("key")
@reason_option("Why it cannot wait for approval and limits; the audit keeps it.")
@wait_option
@with_author
def break_glass(author: Author, key: str, reason: str, wait_s: float) -> None:
    """Let a request run at once, past approval, freeze, cooldown, budget and storm brake; for commanders."""
    _decide(author, key, "break_glass", reason, wait_s)


def _decide(author: Author, key: str, verb: DecisionVerb, comment: str, wait_s: float) -> None:
    request = _open_request(author.config, key)
    look = partial(_standing, author.config, key)
    decide(author, key, lambda _: _decision(author.config, author.signatory(), request, verb, comment), look, wait_s)


def _decision(
    config: Config, person: Signatory, request: ApprovalRequest, verb: DecisionVerb, comment: str,
) -> Decide:
    """A decision whose signature covers what the request would do."""
    from actions.approvals.decide import decided_by
    from streams.contracts.envelopes import source_of

    source = source_of(config.kafka.group)
    return decided_by(request, person.name, verb, "cli", time.time(), source, person.signer, comment)


def _standing(config: Config, key: str) -> Standing:
    request = _found(config, key)
    return Standing(f"{request.state}: {request.reason}", [one.by for one in request.given])


def _requests(config: Config) -> dict[str, ApprovalRequest]:
    from streams.client.response_log import read_requests

    return dict(run(read_requests(config)))


def _found(config: Config, key: str) -> ApprovalRequest:
    requests = _requests(config)
    if key not in requests:
        open_keys = ", ".join(one.key for one in requests.values() if one.state in OPEN) or "none is open"
        raise Failure(f"request {key!r}: unknown, expected one of: {open_keys}")
    return requests[key]


def _open_request(config: Config, key: str) -> ApprovalRequest:
    request = _found(config, key)
    if request.state != "requested":
        raise Failure(f"request {key!r}: {request.state} ({request.reason}), expected one that waits")
    return request


def _line(request: ApprovalRequest) -> str:
    intent = request.intent
    asked = f"{request.approvals}/{request.terms.count} of {','.join(request.terms.roles)}"
    return (
        f"{request.key}  {request.state:9}  until {date(request.expires_at_s)}  {asked}  "
        f"{intent.kind} on {intent.target}: {intent.reason}"
    )


def _text(request: ApprovalRequest) -> str:
    intent = request.intent
    playbook = f"{intent.playbook or '-'} step {intent.step_id or '-'} attempt {intent.attempt}"
    rows = [
        ("state", f"{request.state}: {request.reason}"), ("incident", intent.incident_id),
        ("action", f"{intent.kind} on {intent.target}"), ("why", intent.reason), ("playbook", playbook),
        ("digest", intent.digest or "-"), ("expires", date(request.expires_at_s)),
        *explained(intent),
        *((each.verb, f"{each.by} by {each.via} at {date(each.at_s)} {each.comment}") for each in request.given),
    ]
    return "\n".join(f"{name:18} {value}" for name, value in rows)

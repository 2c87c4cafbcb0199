"""`tocsin doctor`: what is not as it should be in an installation, and what to do."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import replace
from typing import get_args

import click
import orjson

from config.models import Config
from config.origin import origin_of
from config.trust.sections import ProcessRole
from streams.cli.people.author import FINDING, json_option, run, with_config
from streams.client.examination.diagnosis import Examination, Finding, examine


@click.command()
@click.option("--role", "roles", multiple=True, type=click.Choice(get_args(ProcessRole)), default=get_args(ProcessRole),
              help="A role whose permissions the credentials must have; may be repeated. Default: all.")
@json_option
@with_config
def doctor(config: Config, roles: tuple[ProcessRole, ...], as_json: bool) -> None:
    """Examine an installation, with the configuration and credentials of a worker. Nothing is changed.

    Codecs of compression; each broker: address, TLS, authentication; topics, partitions and settings; what the ACLs let
    these credentials do with each topic; the last records of the inputs: whether a worker can use them, keys, times;
    the clock of this machine; dead letters of the last hour; members and lag of the group. Exit code 1 with findings,
    each with what to do.
    """
    client = logging.getLogger("aiokafka")
    client.setLevel(logging.CRITICAL)  # each failure is told once, as a finding
    try:
        found = run(_examine(config, roles, as_json))
    finally:
        client.setLevel(logging.NOTSET)
    if found:
        sys.exit(FINDING)


async def _examine(config: Config, roles: tuple[ProcessRole, ...], as_json: bool) -> int:
    """Print each step as it ends; returns the number of findings."""
    count = 0
    async for one in examine(config, roles):
        count += len(one.findings)
        if one.step == "brokers":
            one = replace(one, findings=tuple(map(_with_origin, one.findings)))
        click.echo(orjson.dumps(one) if as_json else _text(one))
    return count


def _with_origin(finding: Finding) -> Finding:
    """A finding about a broker, with the place where its address is set."""
    origin = origin_of(("kafka", "brokers"), click.get_current_context().params["config_file"], os.environ)
    return replace(finding, remedy=f"{finding.remedy}; {origin}")


def _text(one: Examination) -> str:
    if not one.findings:
        return f"{'ok':8}{one.step}: {one.told}"
    lines = (f"{'FINDING':8}{each.where}: {each.found}\n        do: {each.remedy}" for each in one.findings)
    return "\n".join(lines)

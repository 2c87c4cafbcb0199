"""`tocsin audit`: verifies the audit against its signed checkpoints, and exports both."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import TypeVar

import click
import orjson

from config import load
from config.models import Config
from config.trust.build import ring_of
from streams.audit.export import KeptAudit, json_lines, read_export
from streams.audit.judgement import Anchor, Judgement, judge
from streams.cli import Failure
from streams.cli.time_arguments import DurationArgument

FOUND = 1
SHOWN = 20
T = TypeVar("T")
_ANCHOR = re.compile(r"(\d+)@(\d+)=([0-9a-f]{64})")


@click.group()
def audit() -> None:
    """Verify that nobody changed the audit, or export it."""


@audit.command()
@click.argument("export", type=click.Path(path_type=Path), required=False)
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="With the keys, and the brokers.")
@click.option("--retention", "retention_s", type=DurationArgument(), default="365d", show_default=True,
              help="How long the topic keeps records; what is missing at its begin and younger than that is a finding.")
@click.option("--anchor", "anchors", multiple=True, metavar="PARTITION@OFFSET=HASH",
              help="A hash that was kept elsewhere, as the log and this command print it.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def verify(
    export: Path | None, config_file: Path | None, retention_s: float, anchors: tuple[str, ...], as_json: bool,
) -> None:
    """Compare the audit with its checkpoints: that of the topics, or that of an EXPORT.

    Exit code 0: nothing is wrong. Exit code 1: something is; the first place is named with partition and offset.
    """
    config = load(config_file, os.environ)
    kept = read_export(export) if export is not None else _run(_read(config))
    gone_before_ms = int((time.time() - retention_s) * 1000)
    result = judge(
        kept, ring_of(config.people, config.signing), config.topics.checkpoints, gone_before_ms,
        tuple(map(_anchor, anchors)),
    )
    if as_json:
        click.echo(orjson.dumps(result.as_json(), option=orjson.OPT_INDENT_2).decode())
    else:
        _print(result, config.topics.audit)
    if result.findings:
        sys.exit(FOUND)


@audit.command()
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The file to write.")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="YAML laid over the shipped default.")
def export(out: Path, config_file: Path | None) -> None:
    """Write the audit and its checkpoints as lines of JSON, which `tocsin audit verify FILE` reads."""
    kept = _run(_read(load(config_file, os.environ)))
    with out.open("wb") as file:
        file.writelines(json_lines(kept))
    count = sum(map(len, kept.records.values()))
    click.echo(f"{out}: {count} records, {len(kept.checkpoints)} checkpoints")


def _print(result: Judgement, topic: str) -> None:
    signed = "signed" if result.signed else "signatures not checked: no key of respond under signing.keys"
    click.echo(f"{result.records} records: {result.covered} covered by {result.checkpoints} checkpoints ({signed}), "
               f"{result.uncovered} not covered yet")
    for finding in result.findings[:SHOWN]:
        click.echo(f"{topic}[{finding.partition}]@{finding.offset}: {finding.fault}: {finding.detail}")
    if len(result.findings) > SHOWN:
        click.echo(f"and {len(result.findings) - SHOWN} more")
    for head in result.heads if not result.findings else ():
        click.echo(f"  anchor {head.partition}@{head.offset}={head.hash}")


def _anchor(text: str) -> Anchor:
    match = _ANCHOR.fullmatch(text)
    if match is None:
        raise Failure(f"--anchor: {text[:80]!r}, expected PARTITION@OFFSET=HASH with 64 digits")
    return Anchor(int(match[1]), int(match[2]), match[3])


async def _read(config: Config) -> KeptAudit:
    from streams.client.audit_log import read_audit_topics

    return await read_audit_topics(config)


def _run(work: Coroutine[None, None, T]) -> T:
    from streams.cluster.topics import TopicError

    try:
        return asyncio.run(work)
    except TopicError as error:
        raise Failure(str(error)) from error

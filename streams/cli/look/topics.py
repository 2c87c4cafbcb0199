"""`tocsin topic`: the topics that workers need, and whether they are as they should be."""

from __future__ import annotations

import sys

import click
import orjson

from config.models import Config
from streams.cli.people.author import FINDING, json_option, run, with_config
from streams.client.examination.topic_check import (
    TopicFinding,
    TopicState,
    check_topics,
    create_topics,
    read_topic_states,
)


@click.group()
def topic() -> None:
    """List, create and check the input topics and those of Tocsin."""


@topic.command("list")
@json_option
@with_config
def list_(config: Config, as_json: bool) -> None:
    """List the topics with their number of partitions and what they are for."""
    for one in run(read_topic_states(config)):
        click.echo(orjson.dumps(one) if as_json else _line(one))


@topic.command()
@with_config
def create(config: Config) -> None:
    """Create the topics that are missing, and add the partitions that Tocsin's own lack, as a worker does at start."""
    plan = run(create_topics(config))
    for name in sorted(plan.created):
        click.echo(f"created {name} with {plan.partitions[name]} partitions")
    for name, before in sorted(plan.grown.items()):
        click.echo(f"grown {name} from {before} to {plan.partitions[name]} partitions")
    if not plan.created and not plan.grown:
        click.echo("nothing was missing")


@topic.command()
@json_option
@with_config
def check(config: Config, as_json: bool) -> None:
    """Check that the topics exist, and have the partitions and settings that they need; exit code 1 with findings."""
    found = check_topics(config, run(read_topic_states(config)))
    for one in found:
        click.echo(orjson.dumps(one) if as_json else finding_text(one))
    if found:
        sys.exit(FINDING)
    if not as_json:
        click.echo("the topics are as they should be")


def finding_text(one: TopicFinding) -> str:
    """A finding, and what to do."""
    return f"{one.topic}: {one.found}\n    do: {one.remedy}"


def _line(one: TopicState) -> str:
    count = "missing" if one.partitions is None else f"{one.partitions} partitions"
    return f"{one.name:28} {count:13} {one.purpose}"

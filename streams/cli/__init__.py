"""The command `tocsin`: a group that imports a command only when it runs, and handles the errors of all.

`tocsin --help` therefore imports nothing but click, and `tocsin check` neither Faust nor a Kafka client. An error that
the operator can correct (a configuration, a missing file, a broker that does not answer) ends as one message on stderr
and exit code 2. Any other error is a bug and keeps its traceback.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

FAILED = 2
"""Exit code of an error that the operator can correct; click uses the same for wrong usage."""


@dataclass(frozen=True, slots=True)
class Command:
    """Where a command is: a function of its own name in `module`. help: its line in the listing."""

    module: str
    help: str


COMMANDS: Mapping[str, Command] = {
    "check": Command("streams.cli.check", "Check a configuration file and report everything that is wrong with it."),
    "config": Command("streams.cli.settings.command", "Compare two configurations."),
    "playbook": Command("streams.cli.playbook", "Check, test, explain and export playbooks."),
    "schema": Command("streams.cli.schema", "Print the schemas of all messages, and the document of all topics."),
    "worker": Command("streams.cli.worker", "Watch the input topics, execute what is decided, and ask people."),
    "execute": Command("streams.cli.worker", "Execute what is decided, and nothing else."),
    "respond": Command("streams.cli.worker", "Ask people and serve their decisions, and nothing else."),
    "replay": Command("streams.cli.recordings.replay", "Run a recording through the pipeline, without a broker."),
    "record": Command("streams.cli.recordings.record", "Write the live topics of a period to a file for a replay."),
    "control": Command("streams.cli.control", "Write silences, acknowledgements, feedback and deployments."),
    "approval": Command("streams.cli.people.approval", "List and decide the requests that wait for people."),
    "incident": Command("streams.cli.people.by_hand", "List incidents; acknowledge, assign, comment and resolve them."),
    "remedy": Command("streams.cli.people.by_hand", "List, undo or keep what is in force at targets."),
    "breaker": Command("streams.cli.people.by_hand", "List circuit breakers, force them open, disable and clear them."),
    "action": Command("streams.cli.look.records", "List what was decided, and what came of it."),
    "silence": Command("streams.cli.look.silences", "List silences."),
    "dlq": Command("streams.cli.look.dead_letters", "List and show dead letters; write them to their topics again."),
    "topic": Command("streams.cli.look.topics", "List, create and check the topics that workers need."),
    "doctor": Command("streams.cli.look.doctor", "Examine an installation: brokers, topics, records, group."),
    "completion": Command("streams.cli.completion", "Print the completion script of a shell."),
    "storm": Command("streams.cli.people.by_hand", "Show and release the storm brake."),
    "break-glass": Command("streams.cli.people.approval", "Let a request run at once, past most limits (commanders)."),
    "oncall": Command("streams.cli.oncall.command", "Show, check, override and import on-call schedules."),
    "notify": Command("streams.cli.people.notify", "Send a test message by a channel."),
    "audience": Command("streams.cli.people.audience", "Show what audiences would be told; release texts that wait."),
    "review": Command("streams.cli.people.review", "Draft the review of an incident, and track its action items."),
    "report": Command("streams.cli.reports.command", "Report how long incidents took, and how often targets were met."),
    "audit": Command("streams.cli.audit", "Verify that nobody changed the audit, or export it."),
    "key": Command("streams.cli.key", "Make keys for signing and tokens for the page; list the keys that count."),
    "drill": Command("streams.cli.drill", "Rehearse a danger against the real checks."),
    "demo": Command("streams.cli.demo", "Play a recording of faults through Kafka and watch them found and acted on."),
    "broker": Command("streams.cli.broker", "Serve Kafka's protocol from memory, for trying out without Kafka."),
    "gateway": Command("streams.cli.gateway", "Serve the demo's gateway by itself, for trying actions by hand."),
}


class Failure(click.ClickException):
    """An error that the operator can correct."""

    exit_code = FAILED

    def show(self, file: Any = None) -> None:
        """Write the message without a prefix: each line already names its place."""
        click.echo(self.message, file=file, err=file is None)


class Group(click.Group):
    """The commands of `COMMANDS`, each imported when it runs. A plural, such as `incidents`, is its command too."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, as the table orders them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import one command; None where the table has no such name."""
        name = cmd_name if cmd_name in COMMANDS else cmd_name.removesuffix("s")
        if name not in COMMANDS:
            return None
        command = getattr(import_module(COMMANDS[name].module), name.replace("-", "_"))
        if not isinstance(command, click.Command):
            raise TypeError(f"{COMMANDS[name].module}.{name}: {command!r}, expected a click command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str],
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of the arguments; an unknown one ends with the nearest name."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            near = get_close_matches(name, COMMANDS, n=1)
            ctx.fail(f"No such command '{name}'." + (f" Did you mean {near[0]}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands from the table, so that help imports none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.help) for name, command in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; turn an error that the operator can correct into one message and exit code 2."""
        arguments = list(ctx.args)  # click empties it
        try:
            return super().invoke(ctx)
        except Exception as error:
            message = _for_operator(error)
            if message is None:
                raise
            raise Failure(message + _of_brokers(error, arguments)) from error


def _for_operator(error: Exception) -> str | None:
    """The message for the operator, None for a bug. Errors of other rooms carry it as `exit_message`."""
    if isinstance(error, Failure) and hasattr(error.__cause__, "brokers"):
        return error.message
    message = getattr(error, "exit_message", None)
    if message is not None:
        return str(message)
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    # A closed pipe is no error: the reader stopped reading, and click ends quietly.
    is_unreachable = isinstance(error, ConnectionError) and not isinstance(error, BrokenPipeError)
    return str(error) if is_unreachable else None


def _of_brokers(error: Exception, arguments: Sequence[str]) -> str:
    """Where the address of brokers that do not answer is set; empty for another error."""
    if not hasattr(error, "brokers") and not hasattr(error.__cause__, "brokers"):
        return ""
    from config.origin import origin_of

    named = [value for name, value in pairwise(arguments) if name == "--config"]
    named += [one.removeprefix("--config=") for one in arguments if one.startswith("--config=")]
    return f"; {origin_of(('kafka', 'brokers'), Path(named[-1]) if named else None, os.environ)}"


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="tocsin", prog_name="tocsin")
def main() -> None:
    """Detect incidents of an AI serving stack, classify them, and act on them within the limits you set."""

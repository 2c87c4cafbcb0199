"""`tocsin key`: makes Ed25519 keys and bearer tokens, and lists the keys that the configuration knows."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import time
from pathlib import Path
from typing import get_args

import click

from actions.trust.key_files import write_private, write_secret
from actions.trust.keys import PublicKey, public_text, validity
from actions.trust.roles import Role
from config import load
from config.trust.build import ring_of
from config.trust.sections import ProcessRole
from streams.cli import Failure

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
TOKEN_BYTES = 32
"""Chance in a token: 256 bits."""


@click.group()
def key() -> None:
    """Make keys for signing and tokens for the page, and list the keys that count."""


@key.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--id", "name", required=True, help="Its id: letters, digits, dots and dashes, such as w1 or anna-1.")
@click.option("--for", "uses", multiple=True, type=click.Choice(get_args(ProcessRole)),
              help="What a process signs with it; may be repeated.")
@click.option("--person", help="Whose personal key it is.")
@click.option("--until", help="A date such as 2027-06-01 from which it does not count.")
def new(file: Path, name: str, uses: tuple[str, ...], person: str | None, until: str | None) -> None:
    """Write a new private key to FILE, which must not exist, and print the lines for the configuration.

    The file has mode 0600. Its content is never printed.
    """
    if bool(uses) == (person is not None):
        raise Failure("expected either --for, once or more, or --person")
    if ID.fullmatch(name) is None:
        raise Failure(f"--id: {name!r}, expected letters, digits, dots and dashes")
    public = public_text(write_private(file).public_key())
    ends = f", until: {until}" if until else ""
    if person is not None:
        line = (
            f"people:\n  {person}: {{roles: [viewer], keys: [{{id: {name}, public: \"{public}\"{ends}}}]}}"
            f"  # roles: any of {', '.join(get_args(Role))}"
        )
    else:
        roles = uses[0] if len(uses) == 1 else f"[{', '.join(uses)}]"
        line = f"signing:\n  keys:\n    - {{id: {name}, for: {roles}, public: \"{public}\"{ends}}}"
    click.echo(f"# {name}: the private key is in {file}; for the configuration of all processes:")
    click.echo(line)


@key.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--person", required=True, help="Whose token it is: a name under `people`.")
def token(file: Path, person: str) -> None:
    """Write a new bearer token to FILE, which must not exist, and print the lines for the configuration.

    The token is for the page and the HTTP interface. The file has mode 0600. Its content is never printed: the
    configuration has its hash alone.
    """
    if ID.fullmatch(person) is None:
        raise Failure(f"--person: {person!r}, expected letters, digits, dots and dashes")
    made = secrets.token_urlsafe(TOKEN_BYTES).encode()
    write_secret(file, made)
    click.echo(f"# the token of {person} is in {file}; for the configuration of the processes that respond:")
    click.echo(
        f'people:\n  {person}: {{roles: [viewer], token_sha256: "{hashlib.sha256(made).hexdigest()}"}}'
        f"  # roles: any of {', '.join(get_args(Role))}",
    )


@key.command("list")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="YAML laid over the shipped default.")
def listed(config_file: Path | None) -> None:
    """List the keys of the configuration, and whether each counts now."""
    config = load(config_file, os.environ)
    now_s = time.time()
    for one in ring_of(config.people, config.signing).keys:
        whose = f"person {one.person}" if one.person is not None else ", ".join(sorted(one.uses))
        click.echo(f"{one.id:20} {whose:28} {_state(one, now_s):10} {validity(one):32} {public_text(one.public)}")


def _state(one: PublicKey, now_s: float) -> str:
    if now_s < one.from_s:
        return "not yet"
    return "valid" if now_s < one.until_s else "expired"

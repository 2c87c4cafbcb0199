"""`tocsin completion`: the script by which a shell completes commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from streams.cli import main

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the completion script of a SHELL.

    bash: eval "$(tocsin completion bash)" in ~/.bashrc; zsh: the same in ~/.zshrc; fish: tocsin completion fish |
    source.
    """
    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(main, {}, "tocsin", "_TOCSIN_COMPLETE").source())

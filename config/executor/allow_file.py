"""The file of the executor's allow-list: read from the executor's own machine, with line, value and expectation of each
mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from actions.trust.allow_list import Allowed, AllowList
from config.checks.references import Reference, action_kinds, roles, unknown_references
from config.checks.shell_patterns import OF_ALLOW_FILE, regular_expressions
from config.errors import ConfigError, Problem
from config.explain import explain, is_consequence
from config.fields import FromYaml, Host, Strict
from config.source import as_mapping, parse

REFERENCES = (Reference("allow.*.kind", action_kinds), Reference("allow.*.approval.roles", roles))


class AllowFile(Strict):
    """The content of the file."""

    version: Literal[1]
    allow: Annotated[tuple[Annotated[Allowed, FromYaml()], ...], Field(min_length=1)]
    http_ok_hosts: tuple[Host, ...] | None = None


def read_allow_file(path: Path) -> AllowList:
    """The list of a file; raises `ConfigError` with all problems, also for a file that cannot be read."""
    return examine_allow_file(path)[0]


def examine_allow_file(path: Path) -> tuple[AllowList, tuple[Problem, ...]]:
    """The list of a file and its warnings; raises as `read_allow_file` does."""
    problems: list[Problem] = []
    try:
        tree = parse(path.read_text(encoding="utf-8"), str(path), problems)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigError([Problem(str(path), None, "", "", f"a readable file ({reason})")]) from error
    if tree is None or problems:
        raise ConfigError(problems)
    written = as_mapping(tree.plain())
    unknown = list(unknown_references(written, tree, REFERENCES))
    try:
        found = AllowFile.model_validate(tree.plain())
    except ValidationError as error:
        raise ConfigError([
            explain(tree, details, AllowFile)
            for details in error.errors(include_url=False) if not is_consequence(tree, details)
        ] + unknown) from None
    if unknown:
        raise ConfigError(unknown)
    return AllowList(found.allow, found.http_ok_hosts), tuple(regular_expressions(written, tree, OF_ALLOW_FILE))

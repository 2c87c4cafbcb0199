"""Loading: from a file to a checked configuration, or to all of its problems at once.

The shipped `default.yaml` is read first, and the operator's file is merged over it: mappings key by key, profiles and
playbooks by name (see `config/playbooks/layers.py`), other lists as a whole. So a file of three lines is a complete
configuration, and every default is in one commented place.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path as FilePath

from pydantic import ValidationError

from actions.playbooks.playbook import Playbook
from config.checks.whole import advise, contradictions, mistakes_as_written
from config.errors import ConfigError, Problem
from config.explain import explain, is_consequence
from config.files import with_files
from config.models import Config
from config.playbooks.layers import compose, modernise, named_actions, read_books, shipped_books
from config.source import Node, merge, parse
from config.substitute import STAND_IN_HOST, substitute

DEFAULT = "default.yaml"
PRIVATE_FILE = "signing.private_file"
NAMED = (("detection", "profiles"),)
"""Lists that are merged by the names of their items."""


def load(path: FilePath | None, environ: Mapping[str, str], *, secrets: bool = True) -> Config:
    """The configuration; without a path, the shipped default. See `examine`, which also returns warnings.

    secrets: False where nothing is signed or called, so that they need not be there: files and variables of secrets
    that are missing are no problem then.
    """
    return examine(path, environ, secrets=secrets)[0]


def examine(
    path: FilePath | None, environ: Mapping[str, str], aliased: Collection[str] = (), *, secrets: bool = True,
) -> tuple[Config, tuple[Problem, ...]]:
    """The configuration and its warnings; without a path, the shipped default. aliased: the metrics that aggregated
    inputs give; without them no warning is given of a pattern that matches none. secrets: see `load`.

    Reads the file, the default, and the files of secrets named in `*_file` settings. It blocks on disk, so call it at
    start-up. Raises `ConfigError` with all problems.
    """
    shipped = files("config").joinpath(DEFAULT).read_text(encoding="utf-8")
    if path is None:
        return read(None, "", shipped, environ, aliased, secrets=secrets)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError([Problem(str(path), None, "", "", f"a readable file ({error.strerror})")]) from error
    except UnicodeDecodeError as error:
        byte = f"a byte {error.object[error.start]:#04x}"
        raise ConfigError([Problem(str(path), None, "", byte, "UTF-8 text")]) from error
    return read(text, str(path), shipped, environ, aliased, secrets=secrets)


def read_playbooks(folder: Traversable | None) -> tuple[Playbook, ...]:
    """The playbooks of a folder in the place of the shipped ones, with every action that they name taken as configured;
    without a folder, the shipped ones. Raises `ConfigError` with all problems."""
    problems: list[Problem] = []
    books = shipped_books() if folder is None else read_books(folder, problems)
    if problems:
        raise ConfigError(_ordered(problems))
    shipped = files("config").joinpath(DEFAULT).read_text(encoding="utf-8")
    return read(None, "", shipped, {}, books=books, configured=named_actions(books))[0].playbooks


def read(
    text: str | None, file: str, shipped: str, environ: Mapping[str, str], aliased: Collection[str] = (), *,
    books: Sequence[Node] | None = None, configured: frozenset[str] | None = None, secrets: bool = True,
) -> tuple[Config, tuple[Problem, ...]]:
    """As `examine`, from texts. Syntax errors are raised at once; all other problems are collected and raised together.

    books: in the place of the shipped playbooks. configured: see `compose`. secrets: see `load`.
    """
    problems: list[Problem] = []
    warnings: list[Problem] = []
    base = tree = _shipped(shipped)
    if text is not None:
        over = parse(text, file, problems)
        if over is None:
            raise ConfigError(problems)
        tree = merge(base, over, NAMED)
    written = with_files(modernise(substitute(tree, environ, problems, warnings, secrets=secrets)))
    tree = compose(written, shipped_books() if books is None else books, configured)
    try:
        config = Config.model_validate(tree.plain())
    except ValidationError as error:
        wrong = [one for one in error.errors(include_url=False) if not is_consequence(tree, one)]
        found = dict.fromkeys(explain(tree, details) for details in wrong)
        problems += _fresh(_joined(found), problems)
        problems += _fresh(mistakes_as_written(written), problems)
        raise ConfigError(_ordered(problems)) from None
    problems += _fresh(dict.fromkeys([*mistakes_as_written(written), *contradictions(config, tree)]), problems)
    if not secrets:
        problems = [one for one in problems if one.path != PRIVATE_FILE and STAND_IN_HOST not in one.value]
    if problems:
        raise ConfigError(_ordered(problems))
    if not secrets:
        return config, ()  # some warnings are of the files of secrets
    return config, tuple(_ordered(list(dict.fromkeys([*warnings, *advise(config, tree, base, aliased)]))))


@lru_cache(maxsize=2)
def _shipped(text: str) -> Node:
    """The shipped default as a tree, parsed once a process: it is by far the longest text. A fault in it is a bug."""
    problems: list[Problem] = []
    tree = parse(text, DEFAULT, problems)
    assert tree is not None, problems
    assert not problems, problems
    return tree


def _fresh(found: Iterable[Problem], known: Iterable[Problem]) -> list[Problem]:
    """Those at other places than the known ones; the setting of a secret and its file are one place."""
    places = {problem.path.removesuffix("_file") for problem in known}
    return [problem for problem in found if problem.path.removesuffix("_file") not in places]


def _joined(problems: Iterable[Problem]) -> list[Problem]:
    """A value of a union type gives one error per member; they are one problem with several expected values."""
    joined: dict[tuple[str, str], Problem] = {}
    for problem in problems:
        key = (problem.path, problem.value)
        before = joined.get(key)
        expected = problem.expected if before is None else f"{before.expected} or {problem.expected}"
        joined[key] = replace(problem, expected=expected)
    return list(joined.values())


def _ordered(problems: list[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: (problem.file, problem.line or 0, problem.path))

"""Files of cases: found beside playbooks, read with file and line, and run."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from actions.playbooks.playbook import Playbook
from config.errors import ConfigError, Problem
from config.playbooks.cases import failures, read_cases
from config.playbooks.layers import CASES
from config.source import parse


def shipped_cases() -> list[Traversable]:
    """The files of cases of the shipped playbooks."""
    return cases_of_folder(files("config.playbooks").joinpath("shipped"))


def cases_of_folder(folder: Traversable) -> list[Traversable]:
    """The files of cases in a folder of playbooks, by name."""
    return sorted((one for one in folder.iterdir() if one.name.endswith(CASES)), key=lambda one: one.name)


def cases_beside(file: Path) -> list[Traversable]:
    """The file of cases beside a configuration: `site.cases.yaml` for `site.yaml`."""
    beside = file.with_name(file.stem + CASES)
    return [beside] if beside.exists() else []


def run_cases(found: Sequence[Traversable], playbooks: Sequence[Playbook]) -> tuple[int, list[Problem]]:
    """The number of cases that ran, and what came out otherwise than they expect. Raises `ConfigError` where a file of
    cases is wrong itself.
    """
    count, failed = 0, list[Problem]()
    wrong: list[Problem] = []
    for file in found:
        tree = parse(file.read_text(encoding="utf-8"), str(file), wrong)
        cases = None if tree is None else read_cases(tree, wrong)
        if tree is not None and cases is not None:
            count += len(cases.cases)
            failed += failures(tree, cases, playbooks)
    if wrong:
        raise ConfigError(wrong)
    return count, failed

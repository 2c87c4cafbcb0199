"""Problems of a configuration, each with its place, its value and what was expected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from actions.kinds.urls import masked_in


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem. line: counted from 1; None where there is none (a file that cannot be read).

    path: of the setting, with dots; empty for the whole file. value: as written; empty where nothing was written.
    URLs in value and expected are masked: their queries may hold secrets.
    """

    file: str
    line: int | None
    path: str
    value: str
    expected: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", masked_in(self.value))
        object.__setattr__(self, "expected", masked_in(self.expected))

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        setting = f" {self.path}:" if self.path else ""
        got = f" got {self.value}," if self.value else ""
        return f"{place}:{setting}{got} expected {self.expected}"


class ConfigError(Exception):
    """An invalid configuration, with all its problems. Its text, shown by the command line, has one line for each."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        self.exit_message = "\n".join(map(str, self.problems))
        super().__init__(self.exit_message)

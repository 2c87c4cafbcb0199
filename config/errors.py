"""What is wrong with a configuration, each fault with its place, its value and what was expected there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault. line: counted from 1; None where the fault has no line (a file that cannot be read).

    path: the setting's dotted place, empty for the whole file. value: as written, empty where nothing was.
    """

    file: str
    line: int | None
    path: str
    value: str
    expected: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        setting = f" {self.path}:" if self.path else ""
        got = f" got {self.value}," if self.value else ""
        return f"{place}:{setting}{got} expected {self.expected}"


class ConfigError(Exception):
    """A configuration that no worker may start with. Holds every problem at once; its text is one line for each."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))

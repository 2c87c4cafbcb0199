"""Optional libraries: imported when an action that needs one is built; an error names the extra to install."""

from __future__ import annotations

import importlib
from types import ModuleType


class UnusableAction(ValueError):  # noqa: N818
    """An action of the configuration cannot be built here. The command line shows `exit_message`."""

    def __init__(self, message: str) -> None:
        self.exit_message = message
        super().__init__(message)


def optional(module: str, *, extra: str, kind: str) -> ModuleType:
    """The imported module. Raises `UnusableAction` where it is not installed."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        message = f"actions.{kind}: needs the library {module}, expected it installed (pip install 'tocsin[{extra}]')"
        raise UnusableAction(message) from error

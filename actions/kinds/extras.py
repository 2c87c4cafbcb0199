"""Optional libraries: imported when an action that needs one is built; an error names the extra to install."""

from __future__ import annotations

import importlib
from types import ModuleType


def optional(module: str, *, extra: str, kind: str) -> ModuleType:
    """The imported module. Raises `ValueError` where it is not installed."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        message = f"actions.{kind}: needs the library {module}, expected it installed (pip install 'tocsin[{extra}]')"
        raise ValueError(message) from error

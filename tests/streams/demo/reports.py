"""What rich prints of a report, as plain text."""

from __future__ import annotations

import io

from rich.console import Console, RenderableType


def text(shown: RenderableType, width: int = 140) -> str:
    """Without colours, `width` columns wide."""
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(shown)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()

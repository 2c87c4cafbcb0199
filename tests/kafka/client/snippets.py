"""What a reader would copy from the README or a page."""

from __future__ import annotations

import re

from tests.house.tree import ROOT


def snippet(page: str, language: str, begins: str) -> str:
    """The one block of this language that begins so."""
    text = (ROOT / page).read_text(encoding="utf-8")
    (found,) = re.findall(rf"```{language}\n({re.escape(begins)}.*?)```", text, re.DOTALL)
    return str(found)

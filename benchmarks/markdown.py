"""Tables of the published pages."""

from __future__ import annotations

from collections.abc import Sequence


def markdown(head: Sequence[str], *lines: Sequence[str]) -> str:
    """A table in Markdown: names to the left, figures to the right."""
    def row(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cells)} |"

    return "\n".join([row(head), row(["---", *["---:"] * (len(head) - 1)]), *map(row, lines)])

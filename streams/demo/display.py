"""Where the demo is shown: a live screen on a terminal, one line per event anywhere else."""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from streams.demo import view
from streams.demo.narrator import Narrator
from streams.demo.story import Story

REFRESH_PER_S = 8


class Display(AbstractContextManager["Display"], Protocol):
    """Shows a story while the block runs; `update` is called about ten times a second and must not block."""

    def update(self, story: Story) -> None:
        """Show the story as it is now."""


def display_on(console: Console) -> Display:
    """The display that fits the console."""
    return Screen(console) if console.is_terminal else Lines(console)


class Screen:
    """A screen that is drawn anew in place, and removed when the demo ends."""

    def __init__(self, console: Console) -> None:
        self._shown: RenderableType = Text("starting")
        self._live = Live(
            console=console, transient=True, refresh_per_second=REFRESH_PER_S, get_renderable=lambda: self._shown,
        )

    def update(self, story: Story) -> None:
        self._shown = view.live(story)

    def __enter__(self) -> Screen:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None,
    ) -> None:
        self._live.stop()


class Lines:
    """One line per event, none wrapped, so that the output can be searched."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._narrator = Narrator()

    def update(self, story: Story) -> None:
        for line in self._narrator.news(story):
            self._console.print(line, soft_wrap=True)

    def __enter__(self) -> Lines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None,
    ) -> None:
        return None

"""Displays of the demo: a live screen on a terminal, one line per event anywhere else."""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from streams.demo import view
from streams.demo.event_lines import EventLines
from streams.demo.state import DemoState

REFRESH_PER_S = 8


class Display(AbstractContextManager["Display"], Protocol):
    """Shows the state of a demo inside its block; `update` is called about ten times a second and must not block."""

    def update(self, demo: DemoState) -> None:
        """Show the current state."""


def display_on(console: Console) -> Display:
    """The display for this console: a screen on a terminal, else lines."""
    return Screen(console) if console.is_terminal else Lines(console)


class Screen:
    """A screen that is redrawn in place, and removed when the demo ends."""

    def __init__(self, console: Console) -> None:
        self._shown: RenderableType = Text("starting")
        self._live = Live(
            console=console, transient=True, refresh_per_second=REFRESH_PER_S, get_renderable=lambda: self._shown,
        )

    def update(self, demo: DemoState) -> None:
        self._shown = view.live(demo)

    def __enter__(self) -> Screen:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None,
    ) -> None:
        self._live.stop()


class Lines:
    """One line per event, never wrapped, so that the output can be searched."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._event_lines = EventLines()

    def update(self, demo: DemoState) -> None:
        for line in self._event_lines.new_lines(demo):
            self._console.print(line, soft_wrap=True)

    def __enter__(self) -> Lines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None,
    ) -> None:
        return None

"""The last line of a run: which brokers and tools were exercised. Several processes may run the tests."""

from __future__ import annotations

from typing import Any

import pytest

from tests.exercised import EXERCISED


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that reports."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["exercised"] = EXERCISED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A test process ended. One that crashed has no output."""
    for name, found in getattr(node, "workeroutput", {}).get("exercised", {}).items():
        EXERCISED[name] = f"{EXERCISED[name]}, {found}" if name in EXERCISED else found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if EXERCISED:
        found = "; ".join(f"{name}: {found}" for name, found in sorted(EXERCISED.items()))
        terminalreporter.write_line(f"exercised: {found}")

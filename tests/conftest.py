"""What a run of the tests prints: each failure as soon as it is known, and last which brokers and tools were exercised.
Several processes may run the tests."""

from __future__ import annotations

from typing import Any

import pytest

from tests.exercised import EXERCISED


class Failures:
    """Names each failed test at once, with the line that failed: a run that is ended from outside shows no summary."""

    def __init__(self, config: pytest.Config) -> None:
        self._reporter: Any = config.pluginmanager.getplugin("terminalreporter")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            self._reporter.write_line(f"\nFAILED {report.nodeid} ({report.when}) {crash or ''}".rstrip())


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Failures(config), "failures-at-once")


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

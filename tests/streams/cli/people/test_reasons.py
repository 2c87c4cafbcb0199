"""A reason that must be given is refused while it says nothing, before anything is read or written."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from streams.cli import main


@pytest.mark.parametrize("command", [["break-glass", "k1"], ["incident", "escalate", "inc-1"]])
def test_blanks_are_no_reason(command: list[str]) -> None:
    done = CliRunner().invoke(main, [*command, "--reason", "  "])
    assert done.exit_code == 2
    assert "Invalid value for '--reason': '  ', expected words" in done.stderr

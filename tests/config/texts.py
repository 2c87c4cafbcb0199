"""Configurations from texts, for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import Config, ConfigError, load


def load_text(tmp_path: Path, text: str, **environ: str) -> Config:
    """The configuration of a file with this text."""
    file = tmp_path / "site.yaml"
    file.write_text(text, encoding="utf-8")
    return load(file, environ)


def problems(tmp_path: Path, text: str, **environ: str) -> list[str]:
    """The messages about a file with this text, without the file's name."""
    with pytest.raises(ConfigError) as raised:
        load_text(tmp_path, text, **environ)
    return [str(problem).removeprefix(str(tmp_path / "site.yaml")) for problem in raised.value.problems]

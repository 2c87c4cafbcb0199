"""Where a setting has its value from is told by file and line, by variable, or as the default."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from config.origin import origin_of

BROKERS = ("kafka", "brokers")


@pytest.mark.parametrize(("text", "environ", "expected"), [
    ("version: 1\nkafka:\n  brokers: 'a:1'\n", {"TOCSIN_BROKERS": "b:1"}, "kafka.brokers is set in {file}:3"),
    ("kafka: {brokers: ['${HOST}:1']}\n", {"HOST": "a"}, "kafka.brokers is set in {file}:1, by the variable HOST"),
    ("kafka: {brokers: '${HOST:-a}:1'}\n", {}, "kafka.brokers is set in {file}:1"),
    ("version: 1\n", {"TOCSIN_BROKERS": "b:1"}, "kafka.brokers is set by the variable TOCSIN_BROKERS"),
    ("kafka: {group: a}\n", {}, "kafka.brokers is not set and has its default: set it in {file}, or the variable TOCSIN"
     "_BROKERS"),
])
def test_the_origin_of_the_brokers(tmp_path: Path, text: str, environ: Mapping[str, str], expected: str) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(text)
    assert origin_of(BROKERS, file, environ) == expected.format(file=file)


def test_without_a_file_the_variable_or_the_default_is_named(tmp_path: Path) -> None:
    assert origin_of(BROKERS, None, {"TOCSIN_BROKERS": "b:1"}) == "kafka.brokers is set by the variable TOCSIN_BROKERS"
    default = "kafka.brokers is not set and has its default: set it in a file for --config, or the variable "
    assert origin_of(BROKERS, None, {}) == f"{default}TOCSIN_BROKERS"
    assert origin_of(BROKERS, tmp_path / "none.yaml", {"TOCSIN_BROKERS": ""}).startswith("kafka.brokers is not set")

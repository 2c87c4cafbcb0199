"""Where a setting has its value from: the operator's file, the shipped default, or a variable of the environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path as FilePath

from config.load import DEFAULT
from config.source import Node, Path, dotted, parse
from config.substitute import variables


def origin_of(setting: Path, file: FilePath | None, environ: Mapping[str, str]) -> str:
    """In words, for a message: `kafka.brokers is set in site.yaml:3, by the variable BROKERS`.

    file: of the operator, None for none. It blocks on disk; a file that cannot be read counts as none.
    """
    shipped = files("config").joinpath(DEFAULT).read_text(encoding="utf-8")
    node = _written(setting, file) or _read(setting, shipped, DEFAULT)
    assert node is not None, setting
    named = [name for text in _texts(node) for name in variables(text)]
    by = ", ".join(f"the variable {name}" for name in named if environ.get(name))
    if node.file != DEFAULT:
        return f"{dotted(setting)} is set in {node.file}:{node.line}" + (f", by {by}" if by else "")
    if by:
        return f"{dotted(setting)} is set by {by}"
    or_variable = "".join(f", or the variable {name}" for name in named)
    return f"{dotted(setting)} is not set and has its default: set it in {file or 'a file for --config'}{or_variable}"


def _written(setting: Path, file: FilePath | None) -> Node | None:
    try:
        return None if file is None else _read(setting, file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError):
        return None


def _read(setting: Path, text: str, file: str) -> Node | None:
    node = parse(text, file, [])
    for step in setting:
        node = node.value.get(str(step)) if node is not None and isinstance(node.value, Mapping) else None
    return node


def _texts(node: Node) -> Iterator[str]:
    for child in node.value if isinstance(node.value, list) else [node]:
        if isinstance(child.value, str):
            yield child.value

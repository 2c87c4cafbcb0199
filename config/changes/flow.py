"""Values as YAML writes them, on one line: no reader of a comparison has to know Python."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO

from ruamel.yaml import YAML


def flow(value: object) -> str:
    """One line of YAML.

    >>> flow(None), flow(True), flow(["a", 1.5]), flow({"mode": "auto", "steps": []})
    ('null', 'true', '[a, 1.5]', '{mode: auto, steps: []}')
    >>> flow("7d"), flow("true"), flow(604800.0), flow(("a b", "c: d"))
    ('7d', "'true'", '604800', "[a b, 'c: d']")
    """
    text = StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = True
    yaml.width = 1_000_000
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.dump(_plain(value), text)
    return " ".join(text.getvalue().removesuffix("...\n").split("\n")).strip()


def _plain(value: object) -> object:
    """Of mappings, lists and scalars alone; a whole number has no fraction."""
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, tuple | list | set | frozenset):
        return [_plain(one) for one in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    return value if value is None or isinstance(value, str | int | float) else str(value)

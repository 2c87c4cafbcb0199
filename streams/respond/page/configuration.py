"""The configuration that this process works by, as the page shows it: secrets hidden, since when, the last reload."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import StringIO
from typing import Any

from ruamel.yaml import YAML

from config import config_hash
from config.changes.difference import differences
from config.identity import written
from config.models import Config

HIDDEN = frozenset({"token_sha256"})
"""Settings that are no secrets, and by which one could still be tried."""
MAX_CHANGES = 50


class ShownConfiguration:
    """Not safe for concurrent use. wall_s: the wall clock."""

    def __init__(self, config: Config, wall_s: Callable[[], float]) -> None:
        self._config = config
        self._wall_s = wall_s
        self._since_s = wall_s()
        self._reload: dict[str, Any] | None = None

    def reloaded(self, result: str, config: Config, notes: Sequence[str]) -> None:
        """A reload ended. config: in force after it. notes: why the file is not in force as it stands."""
        now_s = self._wall_s()
        changes = [
            {"path": one.path, "before": one.before, "after": one.after} for one in differences(self._config, config)
        ]
        self._reload = {
            "at_s": now_s, "result": result, "notes": list(notes), "changes": hidden(changes[:MAX_CHANGES]),
            "more_changes": max(0, len(changes) - MAX_CHANGES),
        }
        if changes:
            self._config, self._since_s = config, now_s

    def view(self) -> dict[str, Any]:
        """As JSON: each section as YAML. reload: None before the first."""
        content = written(self._config)
        assert isinstance(content, dict)
        return {
            "hash": config_hash(self._config), "since_s": self._since_s, "reload": self._reload,
            "sections": [{"name": name, "text": _yaml({name: hidden(value)})} for name, value in content.items()],
        }


def hidden(value: Any) -> Any:
    """The value without what `HIDDEN` names.

    >>> hidden({"ann": {"token_sha256": "ab", "roles": ["viewer"]}})
    {'ann': {'token_sha256': '***', 'roles': ['viewer']}}
    """
    if isinstance(value, dict):
        return {
            name: "***" if one is not None and str(name).rpartition(".")[2] in HIDDEN else hidden(one)
            for name, one in value.items()
        } if not str(value.get("path", "")).endswith(tuple(HIDDEN)) else {**value, "before": "***", "after": "***"}
    return [hidden(one) for one in value] if isinstance(value, list | tuple) else value


def _yaml(value: object) -> str:
    text = StringIO()
    yaml = YAML(typ="safe")
    yaml.default_flow_style = False
    yaml.dump(value, text)
    return text.getvalue()

"""Substitution of settings from outside the file: `${NAME}`, `${NAME:-default}`, and `<setting>_file` for secrets.

`$${` stands for a literal `${`. The environment is an argument; the process's own is not read here. The setting of a
secret may end in `_file` (`password_file`). The secret is then read from that file, without one trailing newline, as
containers mount secrets; a relative path counts from the folder of the configuration file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path as FilePath

from config.errors import Problem
from config.files import beside
from config.source import Node, Path, dotted

_REFERENCE = re.compile(r"\$(\$\{)|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_SECRET = re.compile(r"(^|_)(password|secret|token|signing_key|api_key|routing_key|webhook_url)$")
_FROM_FILE = "_file"
STAND_IN_HOST = "secret.invalid"
"""The host of a URL that stands in for a secret one."""


def substitute(
    root: Node, environ: Mapping[str, str], problems: list[Problem], warnings: list[Problem], *, secrets: bool = True,
) -> Node:
    """The tree with all references resolved. Appends to `problems`, and to `warnings` for secrets written in the file.

    secrets: whether they are needed; without, one that is not there is stood in for by a text that names its place.
    """
    return _Substitution(environ, problems, warnings, secrets).walk(root, ())


def stand_in(setting: str, place: str) -> str:
    """A text for a secret that is not there, the same for the same place; where the secret is a URL, it is one."""
    digest = hashlib.sha256(place.encode()).hexdigest()
    return f"https://{STAND_IN_HOST}/{digest}" if setting.endswith("url") else digest


def is_secret(path: Path) -> bool:
    """Whether a setting's value must not be shown, since its name is that of a password, token or key."""
    return any(isinstance(step, str) and _SECRET.search(step.removesuffix(_FROM_FILE)) is not None for step in path)


def variables(text: str) -> list[str]:
    """The variables of the environment that a text names.

    >>> variables("${HOST}:${PORT:-9092} $${NONE}")
    ['HOST', 'PORT']
    """
    return [match[2] for match in _REFERENCE.finditer(text) if match[2] is not None]


class _Substitution:
    def __init__(
        self, environ: Mapping[str, str], problems: list[Problem], warnings: list[Problem], secrets: bool,
    ) -> None:
        self._environ = environ
        self._secrets = secrets
        self._problems = problems
        self._warnings = warnings

    def walk(self, node: Node, path: Path) -> Node:
        value = node.value
        if isinstance(value, str):
            return replace(node, value=self._text(node, value, path))
        if isinstance(value, Mapping):
            return replace(node, value=self._mapping(value, path))
        if isinstance(value, list):
            return replace(node, value=[self.walk(child, (*path, index)) for index, child in enumerate(value)])
        return node

    def _mapping(self, children: Mapping[str, Node], path: Path) -> dict[str, Node]:
        resolved: dict[str, Node] = {}
        for key, child in children.items():
            inner = self.walk(child, (*path, key))
            name = key.removesuffix(_FROM_FILE)
            if name == key or _SECRET.search(name) is None:
                if inner.value is not None or key not in resolved:
                    resolved[key] = inner
            elif inner.value is None:
                resolved.setdefault(name, inner)
            elif name in children and children[name].value is not None:
                self._report(child, (*path, key), f"both {name} and {key}", "one of them")
            else:
                resolved[name] = self._content(inner, (*path, key))
        return resolved

    def _content(self, node: Node, path: Path) -> Node:
        try:
            text = FilePath(beside(node, str(node.value))).read_text(encoding="utf-8")
            return replace(node, value=text.removesuffix("\n"))
        except (OSError, UnicodeDecodeError) as error:
            if not self._secrets:
                return replace(node, value=stand_in(str(path[-1]).removesuffix(_FROM_FILE), str(node.value)))
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            self._report(node, path, repr(node.value), f"a readable file ({reason})")
            return replace(node, value=None)

    def _text(self, node: Node, text: str, path: Path) -> str:
        if isinstance(path[-1], str) and _SECRET.search(path[-1]) and text and not _REFERENCE.search(text):
            expected = "${NAME} or a setting that ends in _file, so that the secret is not in this file"
            self._warnings.append(Problem(node.file, node.line, dotted(path), "a literal", expected))

        def resolve(match: re.Match[str]) -> str:
            if match[1]:
                return match[1]
            found = self._environ.get(match[2])
            if found is None or (found == "" and match[3] is not None):
                found = match[3]
            if found is None and not self._secrets and is_secret(path):
                return stand_in(str(path[-1]).removesuffix(_FROM_FILE), match[0])
            if found is None:
                self._report(node, path, match[0], f"the environment variable {match[2]} to be set and exported")
                return ""
            return found

        return _REFERENCE.sub(resolve, text)

    def _report(self, node: Node, path: Path, value: str, expected: str) -> None:
        self._problems.append(Problem(node.file, node.line, dotted(path), value, expected))

"""The settings that are paths of files and folders: a relative one counts from the folder of the configuration file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path as FilePath

from config.source import Node

FILES = (
    "kafka.security.cafile", "kafka.security.certfile", "kafka.security.keyfile", "signing.private_file",
    "respond.key_file", "respond.comparisons", "executor.allow_file", "audiences.*.templates.*",
    "actions.quarantine.schema_file", "actions.preserve_evidence.folder", "actions.feature_flag.path",
    "actions.*.cluster.bearer_file", "actions.*.cluster.ca_file",
)
"""All but the files of secrets, which `config/substitute.py` reads."""


def beside(node: Node, path: str) -> str:
    """A path that is written at a node, as this process opens it.

    >>> beside(Node("a.pem", "/etc/tocsin/site.yaml", 3), "a.pem"), beside(Node("/a.pem", "site.yaml", 3), "/a.pem")
    ('/etc/tocsin/a.pem', '/a.pem')
    """
    return str(FilePath(node.file).parent / path)


def with_files(tree: Node) -> Node:
    """The tree with the paths of all files as this process opens them."""
    for setting in FILES:
        tree = _resolved(tree, setting.split("."))
    return tree


def _resolved(node: Node, steps: Sequence[str]) -> Node:
    if not steps:
        return replace(node, value=beside(node, node.value)) if isinstance(node.value, str) and node.value else node
    if not isinstance(node.value, Mapping):
        return node
    below = {
        name: _resolved(child, steps[1:]) if steps[0] in ("*", name) else child for name, child in node.value.items()
    }
    return replace(node, value=below)

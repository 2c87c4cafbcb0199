"""Mistakes in the section `channels` that show in the file alone, each with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from actions.channels.catalogue import CHANNEL_KINDS
from actions.channels.http import is_allowed
from classifiers.validation_errors import one_of, shown
from config.channels.sections import ChannelSection
from config.errors import Problem
from config.source import Node, as_mapping, problem_at


def mistaken_channels(written: Mapping[str, Any], tree: Node) -> Iterator[Problem]:
    """Channels of an unknown kind."""
    channels = as_mapping(written.get("channels"))
    for name, section in channels.items():
        if not isinstance(section, Mapping):
            continue  # told of what was written instead
        kind = section.get("kind")
        if kind not in CHANNEL_KINDS:
            found = shown(kind) if "kind" in section else ""
            yield problem_at(tree, ("channels", name, "kind"), found, one_of(str(kind), list(CHANNEL_KINDS)))


def forbidden_hosts(
    channels: Mapping[str, ChannelSection], hosts: tuple[str, ...] | None, tree: Node,
) -> Iterator[Problem]:
    """Channels whose host is not on the allow-list `respond.channel_hosts`."""
    for name, section in channels.items():
        host = section.params.host
        if not is_allowed(host, hosts):
            expected = f"a host of respond.channel_hosts: {', '.join(hosts or ()) or 'none'}"
            yield problem_at(tree, ("channels", name), f"host {host}", expected)

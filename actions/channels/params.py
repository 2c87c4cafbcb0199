"""What all kinds of channels have in common: their parameters, and what they are built from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from actions.base import Secret
from actions.channels.message import Channel
from actions.kinds.urls import check_base, masked

if TYPE_CHECKING:
    import aiohttp

LOCAL = ("localhost", "127.0.0.1", "::1")
PAGERDUTY_SEVERITY: Mapping[str, str] = {"P0": "critical", "P1": "error", "P2": "warning", "P3": "info", "P4": "info"}


class ChannelParams(Protocol):
    """The interface of params classes."""

    @property
    def host(self) -> str:
        """The host that the channel calls, with its port where the configuration names one."""

    def build(self, session: aiohttp.ClientSession) -> Channel:
        """The channel. The caller closes the session after the channel."""


def check_https(place: str, url: str | Secret, *, is_base: bool = False) -> None:
    """Refuse a URL that is not https, but for this machine. A secret one is not shown. Raises `ValueError`.

    is_base: paths are added to it, so it has no query.
    """
    text = url.reveal() if isinstance(url, Secret) else url
    shown = "a URL" if isinstance(url, Secret) else repr(masked(url))
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValueError(f"{place}: {shown}, expected https://host/... without credentials")
    if is_base:
        check_base(place, shown, text)
    if parts.scheme == "http" and parts.hostname not in LOCAL:
        raise ValueError(f"{place}: {shown} in plain text, expected https")

"""Routes beside the HTTP interface, of the same server: the page, and the webhooks of vendors."""

from __future__ import annotations

from typing import Protocol

from aiohttp import web


class Part(Protocol):
    """Other routes of the same server."""

    def add_to(self, app: web.Application) -> None:
        """Add all routes."""

    def is_public(self, request: web.Request) -> bool:
        """Whether a request needs no person."""

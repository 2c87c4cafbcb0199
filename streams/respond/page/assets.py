"""The files of the page, read once from the package. Nothing of them is built, and nothing comes from elsewhere."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

from aiohttp import web

TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
HEADERS = {
    "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin", "Cache-Control": "no-cache",
}


class Assets:
    """All files by their path below `assets/`."""

    def __init__(self) -> None:
        self._files = dict(_read(files("streams.page") / "assets", ""))

    @property
    def size_bytes(self) -> int:
        """Of all files that a browser loads."""
        return sum(len(body) for body in self._files.values())

    def response(self, path: str) -> web.Response:
        """A file with the headers of the page. Raises 404."""
        body = self._files.get(path)
        if body is None:
            raise web.HTTPNotFound
        kind = TYPES[path[path.rindex("."):]]
        return web.Response(body=body, content_type=kind, charset="utf-8", headers=HEADERS)


def _read(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for one in folder.iterdir():
        if one.is_dir():
            found += _read(one, f"{prefix}{one.name}/")
        elif one.name[one.name.rindex("."):] in TYPES:
            found.append((f"{prefix}{one.name}", one.read_bytes()))
    return found

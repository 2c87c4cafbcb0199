"""The gateway that actions call: it keeps the state of each breaker and every call, and can be slow or fail."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import orjson

PREFIX = "/breakers/"


@dataclass(frozen=True, slots=True)
class Call:
    """A change that was asked for. at_s: since the epoch. key: of idempotency, empty without one."""

    at_s: float
    target: str
    state: str
    key: str


class Target:
    """Use as a context manager. delay_s: before each answer. fails: every call is answered with 503."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.states: dict[str, str] = {}
        self.delay_s = 0.0
        self.fails = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}{PREFIX}{{target}}"

    def __enter__(self) -> Target:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _set(self, path: str, body: bytes, key: str) -> None:
        target = unquote(path.removeprefix(PREFIX))
        state = str(orjson.loads(body).get("state"))
        self.calls.append(Call(time.time(), target, state, key))
        self.states[target] = state

    def _handler(target) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - the handler's own self is another
        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                time.sleep(target.delay_s)
                if not target.fails:
                    target._set(self.path, body, self.headers.get("Idempotency-Key", ""))
                self.send_response(503 if target.fails else 200)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                pass

        return Handler

"""A strict gateway that fails at times: breakers and throttles by target, each change with an `Idempotency-Key`.

It follows the IETF draft `draft-ietf-httpapi-idempotency-key-header`: 400 without a key, 422 for a key that comes again
with another request. The path begins with the name of the process that calls, so a key that two processes ran shows.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import unquote

import orjson

NORMAL: Mapping[str, str | float] = {"breakers": "closed", "throttles": 1.0}
FIELD = {"breakers": "state", "throttles": "factor"}
SLOW_S = 0.6
Fault = Literal["none", "refused", "late", "dropped"]
"""refused: 503, nothing was changed. late: 503 after the change. dropped: no answer after the change."""
FAULTS: tuple[Fault, ...] = ("none", "refused", "late", "dropped")
WEIGHTS = (0.82, 0.07, 0.06, 0.05)
Moment = Literal["before", "after"]


@dataclass(frozen=True, slots=True)
class Change:
    """A request that changed something. at_s: since the epoch. caller: the process. holds: other than normal."""

    at_s: float
    caller: str
    place: str
    holds: bool
    key: str
    answered: int


class Gateway:
    """Use as a context manager. on_call: told of each change, with the process that asks, before and after it.

    seed: of the faults. `fails`: whether it fails at times. `wrong`: requests that no gateway should get.
    """

    def __init__(self, seed: int, on_call: Callable[[str, Moment], None]) -> None:
        self.changes: list[Change] = []
        self.states: dict[str, str | float] = {}
        self.wrong: list[str] = []
        self.fails = True
        self._bodies: dict[str, object] = {}
        self._rng = random.Random(seed)
        self._on_call = on_call
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Gateway:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def held(self) -> list[str]:
        """What is in force, as `breakers/chat/r1`."""
        return sorted(place for place, state in self.states.items() if state != NORMAL[place.partition("/")[0]])

    def put(self, path: str, key: str, body: bytes) -> int | None:
        """The status of a change; None for no answer."""
        caller, kind, target = unquote(path).lstrip("/").split("/", 2)
        value = orjson.loads(body).get(FIELD.get(kind, ""))
        with self._lock:
            fault = self._rng.choices(FAULTS, WEIGHTS)[0] if self.fails else "none"
            wait_s = self._rng.uniform(0.0, SLOW_S) if self.fails else 0.0
        if not key or value is None or self._bodies.setdefault(key, (kind, target, value)) != (kind, target, value):
            self.wrong.append(f"PUT {path} with the key {key!r} and {value!r}")
            return 422 if key else 400
        self._on_call(caller, "before")
        time.sleep(wait_s)
        if fault == "refused":
            return 503
        place = f"{kind}/{target}"
        with self._lock:
            self.states[place] = value
            answered = 200 if fault == "none" else 503
            self.changes.append(Change(time.time(), caller, place, value != NORMAL[kind], key, answered))
        self._on_call(caller, "after")
        return None if fault == "dropped" else answered

    def get(self, path: str) -> dict[str, str | float]:
        """The state of a target."""
        _, kind, target = unquote(path).lstrip("/").split("/", 2)
        return {FIELD[kind]: self.states.get(f"{kind}/{target}", NORMAL[kind])}


def _handler(gateway: Gateway) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            status = gateway.put(self.path, self.headers.get("Idempotency-Key", ""), body)
            if status is None:
                self.close_connection = True
                self.connection.close()
            else:
                self._answer(status, b"{}")

        def do_GET(self) -> None:
            self._answer(200, orjson.dumps(gateway.get(self.path)))

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self, status: int, body: bytes) -> None:
            try:
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:  # the caller was killed
                self.close_connection = True

    return Handler

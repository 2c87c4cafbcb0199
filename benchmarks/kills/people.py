"""The people of a run: they decide requests over HTTP, at whichever process answers, until it is over."""

from __future__ import annotations

import json
import random
import threading
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.kills.installation import PEOPLE, token_of

LOOK_EVERY_S = 1.0
TIMEOUT_S = 10.0
APPROVED = 0.8
DECIDED = 0.6
"""The share of looks at a request that end with a decision, so that some come late."""


class People:
    """Use as a context manager. accepted: decisions that were answered with 202."""

    def __init__(self, ports: Sequence[int], seed: int) -> None:
        self._ports = ports
        self._rng = random.Random(seed + 1)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.accepted = 0

    def __enter__(self) -> People:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join(3 * TIMEOUT_S)

    def _run(self) -> None:
        while not self._stopped.wait(LOOK_EVERY_S):
            port, person = self._rng.choice(self._ports), self._rng.choice(PEOPLE)
            try:
                for request in _call(port, person, "/approvals"):
                    if request["state"] == "requested" and self._rng.random() < DECIDED:
                        verb = "approve" if self._rng.random() < APPROVED else "reject"
                        body = {"verb": verb, "digest": request["intent"]["digest"] or ""}
                        _call(port, person, f"/approvals/{request['key']}/decision", body)
                        self.accepted += 1
            except (OSError, ValueError):  # it was killed, or somebody decided meanwhile
                continue


def _call(port: int, person: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1{path}", None if body is None else json.dumps(body).encode(),
        {"Authorization": f"Bearer {token_of(person)}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        return json.loads(answer.read())

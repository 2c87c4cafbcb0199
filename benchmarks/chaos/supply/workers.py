"""The workers of a run: the command `tocsin worker` in processes that can be killed and stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from streams.sandbox.process import WORKER

ROOT = Path(__file__).parents[3]
STOP_WITHIN_S = 40.0
TOPIC = "inference.latency"
GROUP = "tocsin"


def configuration(address: str, name: str | None, target_url: str) -> dict[str, Any]:
    """The operator's file: one playbook that opens the breaker of a bad replica, and no limits to actions.

    name: in the group; None for a member that leaves it at once when it stops.
    """
    return {
        "version": 1,
        "kafka": {"brokers": address, "group": GROUP, "instance_id": name},
        "inputs": [{"topic": TOPIC, "count_requests": True}],
        "telemetry": {"port": 0},
        "signing": {"unsigned": "accept"},
        "limits": {"cooldown": "1s", "actions_per_hour": 1000, "fleet_share": 1.0, "storm_actions": 1000,
                   "service_actions_per_hour": 1000, "storm_services": 1000, "max_in_force": 1000},
        "actions": {"circuit_breaker": {"url": target_url}},
        "playbooks": [{
            "name": "replica", "version": 1, "match": {"scopes": ["replica"]}, "mode": "auto",
            "steps": [{"kind": "circuit_breaker", "target": "{service}/{replica}"}], "on_open": [], "on_failure": [],
        }],
    }


class Worker:
    """One worker. environ: added to the environment of the process."""

    def __init__(self, name: str, config: Mapping[str, Any], folder: Path, environ: Mapping[str, str]) -> None:
        self.name = name
        self.config = folder / f"{name}.yaml"
        self.config.write_text(json.dumps(config, indent=1))
        self._log = folder / f"{name}.log"
        self._environ = {**os.environ, "PYTHONPATH": str(ROOT), **environ}
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start it, if it does not run; returns at once."""
        with self._lock, self._log.open("ab") as output:
            if self._process is None or self._process.poll() is not None:
                self._process = subprocess.Popen(
                    [*WORKER, "--config", str(self.config)], cwd=ROOT, stdout=output, stderr=output, env=self._environ,
                )

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone. The process is then not one that ended by itself."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._process.wait(20)
                self._process = None

    def signaller(self) -> Callable[[signal.Signals], None]:
        """Sends signals to the process of now, and never to one that was started after it."""
        process = self._process
        return lambda number: None if process is None else process.send_signal(number)

    def ended(self) -> int | None:
        """The exit code if it ended by itself, else None. Asked for once: the process is then forgotten."""
        with self._lock:
            code = None if self._process is None else self._process.poll()
            if code is not None:
                self._process = None
            return code

    def stop(self) -> int | None:
        """SIGTERM; returns the exit code, None if it did not end in time and was killed, 0 if it did not run."""
        process = self._process
        if process is None:
            return 0
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            code = process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.kill()
            return None
        with self._lock:
            self._process = None
        return code

"""Two processes of each role, with keys of their own, and two people who decide over HTTP."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from actions.trust.key_files import read_private, write_private
from actions.trust.keys import Signer, public_text
from benchmarks.chaos.supply.workers import GROUP, TOPIC
from benchmarks.kills.processes import RoleProcess, forking
from tests.ports import free_ports

ROLES: Mapping[str, tuple[str, ...]] = {
    "watch": ("worker", "--roles", "watch"), "execute": ("execute",), "respond": ("respond",),
}
STARTED_WITHIN_S = 300.0
PEOPLE = ("anna", "ben")
LIMITS: dict[str, Any] = {
    "cooldown": "20s", "max_cooldown": "40s", "actions_per_hour": 60, "service_actions_per_hour": 20,
    "max_in_force": 3, "fleet_share": 1.0, "storm_actions": 1000, "storm_services": 1000, "futile_after": 1000,
    "max_age": "15m",  # an executor that comes back after a kill still runs what waits for it
}
PLAYBOOK: dict[str, Any] = {
    "name": "replica", "version": 1, "match": {"scopes": ["replica"]}, "mode": "auto", "on_open": [],
    "expires_after": "15m",
    "on_failure": ["page"],
    "steps": [
        {"id": "limit", "action": "throttle", "target": "{service}/{replica}",
         "verify": {"settle": "1s", "within": "3s", "min_samples": 5}},
        {"id": "isolate", "action": "circuit_breaker", "target": "{service}/{replica}", "mode": "suggest",
         "approval": {"expires_after": "60s"}},
    ],
}


def token_of(person: str) -> str:
    """The bearer token of a person of this run."""
    return f"token-of-{person}"


class Installation:
    """folder: for files and logs. ports: of the HTTP interface, by the name of a process that responds."""

    def __init__(self, brokers: str, gateway_url: str, folder: Path) -> None:
        self._brokers, self._url, self._folder = brokers, gateway_url, folder
        self._keys = {role: folder / f"{role}.key" for role in ROLES}
        self._public = {role: public_text(write_private(file).public_key()) for role, file in self._keys.items()}
        names = [f"{role}-{number}" for role in ROLES for number in range(2)]
        self.ports = dict(zip([name for name in names if name.startswith("respond")], free_ports(2), strict=True))
        self._lives = dict.fromkeys(names, 0)
        self._lock = threading.Lock()
        context = forking()
        self.processes = {name: RoleProcess(name, ROLES[name.partition("-")[0]], folder, context) for name in names}

    def start(self, name: str) -> None:
        """Start a process, if it does not run. An executor calls the gateway by a new name after each start."""
        with self._lock:
            if not self.processes[name].runs():
                self._lives[name] += 1
                self.processes[name].start(self.settings(name))

    def signer(self, role: str) -> Signer:
        """The key of a role."""
        return Signer(role, read_private(self._keys[role]))

    def wait_until_started(self, *names: str) -> None:
        """Raises TimeoutError when one of these processes does not log its start in time."""
        deadline_s = time.monotonic() + STARTED_WITHIN_S
        for name in names:
            log = self._folder / f"{name}.log"
            while not log.exists() or '"event": "started"' not in log.read_text():
                if time.monotonic() > deadline_s:
                    raise TimeoutError(f"{name} has not started within {STARTED_WITHIN_S:g} s")
                time.sleep(0.1)

    def settings(self, name: str) -> dict[str, Any]:
        """The operator's file of a process."""
        role = name.partition("-")[0]
        caller = f"{name}.{self._lives[name]}" if role == "execute" else role
        switches = {
            kind: {"url": f"{self._url}/{caller}/{path}/{{target}}",
                   "verify_url": f"{self._url}/{caller}/{path}/{{target}}", "bounds": {"timeout": "8s"}}
            for kind, path in (("throttle", "throttles"), ("circuit_breaker", "breakers"))
        }
        return {
            "version": 1,
            "kafka": {"brokers": self._brokers, "group": GROUP, "instance_id": name, "session_timeout": "6s"},
            "inputs": [{"topic": TOPIC, "count_requests": True}], "telemetry": {"port": 0}, "limits": LIMITS,
            "snapshot": {"every": "2s"}, "actions": {**switches, "notify": {}},
            "playbooks": [{"replace": True}, PLAYBOOK],
            "respond": {"listen": f"127.0.0.1:{self.ports.get(name, 0) or 9110}"},
            "people": {
                person: {"roles": ["approver"], "token_sha256": hashlib.sha256(token_of(person).encode()).hexdigest()}
                for person in PEOPLE
            },
            "signing": {
                "private_file": str(self._keys[role]),
                "keys": [{"id": each, "for": each, "public": public} for each, public in self._public.items()],
            },
        }

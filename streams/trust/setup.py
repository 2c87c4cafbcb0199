"""From the configuration to what checks and signs: the keys of a worker, and the gate of its executor."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import structlog

from actions.http_ok import hosts_of
from actions.trust.approvals import ApprovalCheck
from actions.trust.gate import Gate
from actions.trust.key_files import exposed, read_private
from actions.trust.keys import Signer
from config.executor.allow_file import read_allow_file
from config.models import Config
from config.trust.build import directory_of, ring_of
from streams.trust.authenticity import Authenticity

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.trust")


def authenticity_of(config: Config, source: str) -> Authenticity:
    """The keys of a process. Raises `OSError` and `KeyFileError` for the private file."""
    ring, file = ring_of(config.people, config.signing), config.signing.private_file
    signer = None
    if file is not None:
        private = read_private(Path(file))
        key_id = ring.id_of(private)
        assert key_id is not None, "the configuration was checked for it"
        signer = Signer(key_id, private)
    return Authenticity(ring, source, signer, config.signing.unsigned == "accept")


def log_notes(config: Config, authenticity: Authenticity, now_s: float) -> None:
    """A line in the log for each thing that is not as safe as it could be."""
    file = config.signing.private_file
    if file is not None and (warning := exposed(Path(file))) is not None:
        log.warning("private_key_exposed", reason=warning)
    for note in authenticity.notes(now_s):
        log.warning("not_signed", reason=note)


def http_ok_hosts(config: Config, gate: Gate) -> Collection[str]:
    """The hosts that the executor may ask for a prerequisite: of its allow-list, its section, or its actions' URLs."""
    for named in (None if gate.allowed is None else gate.allowed.http_ok_hosts, config.executor.http_ok_hosts):
        if named is not None:
            return named
    return hosts_of(config.actions.values())


def gate_of(config: Config, authenticity: Authenticity) -> Gate:
    """What the executor checks by itself. Raises `ConfigError` for its allow-list."""
    file = config.executor.allow_file
    directory = directory_of(config.people, config.owners_of)
    return Gate(
        None if file is None else read_allow_file(Path(file)),
        ApprovalCheck(directory, authenticity.ring, authenticity.source),
    )

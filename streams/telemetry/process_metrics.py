"""The metrics of a process, whatever its roles: its resources, its release, and the configuration in force."""

from __future__ import annotations

from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Info, ProcessCollector, generate_latest

from streams.telemetry.families import Families

ReloadResult = Literal["applied", "partial", "unchanged", "invalid"]


class ProcessMetrics:
    """In a registry that may have other metrics too. version: of the release."""

    def __init__(self, registry: CollectorRegistry, version: str) -> None:
        self._registry = registry
        ProcessCollector(registry=registry)
        Info("tocsin_build", "What is running.", registry=registry).info({"version": version})
        own = Families(registry)
        self._ok = own.gauge("tocsin_config_last_reload_successful", "1 when the last load succeeded.")
        self._at = own.gauge("tocsin_config_last_reload_success_timestamp_seconds", "When a load last succeeded.")
        self._reloads = own.counter(
            "tocsin_config_reloads", "Reloads of the configuration file, by what came of them.",
            result=get_args(ReloadResult),
        )
        self._config = Info("tocsin_config", "The configuration in force.", registry=registry)

    def started(self, config_hash: str, at_s: float) -> None:
        """A process began to work by a configuration; `at_s` in seconds since the epoch."""
        self._ok.set(True)
        self._at.set(at_s)
        self._config.info({"hash": config_hash})

    def reloaded(self, result: ReloadResult, config_hash: str, at_s: float) -> None:
        """The file was read again. partial: some settings wait for a restart. invalid: nothing changed."""
        self._reloads.labels(result).inc()
        self._ok.set(result != "invalid")
        if result != "invalid":
            self._at.set(at_s)
        self._config.info({"hash": config_hash})

    def render(self) -> bytes:
        """All metrics of the registry in Prometheus text format."""
        return generate_latest(self._registry)

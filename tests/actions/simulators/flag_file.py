"""A flag file as flagd reads it, and what can go wrong with a file in place of an HTTP status."""

from __future__ import annotations

import fcntl
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from actions.base import Action
from actions.kinds.flags.feature_flag import FeatureFlag, FeatureFlagParams
from actions.model import Intent
from tests.actions.cases import INTENT

CONTENT = {
    "$schema": "https://flagd.dev/schema/v0/flags.json",
    "flags": {
        "long_context": {
            "state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "on",
            "metadata": {"owner": "ü"},
        },
        "other": {"state": "ENABLED", "variants": {"a": 1, "b": 2}, "defaultVariant": "a", "targeting": {}},
    },
}


class FlagFileSimulator:
    """403: a folder is in the file's place. 429, 503: the file is half written. No answer: another writer has it."""

    kind = "feature_flag"

    def __init__(self, folder: Path) -> None:
        self.path = folder / "flags.json"
        self.path.write_text(json.dumps(CONTENT), encoding="utf-8")
        self.action: Action = FeatureFlag(FeatureFlagParams(str(self.path), lock_timeout_s=0.2))
        self.held: BinaryIO | None = None

    def intent(self) -> Intent:
        return replace(INTENT, kind=self.kind, params={"flag": "long_context", "variant": "off"})

    def unknown(self) -> Intent:
        return replace(self.intent(), params={"flag": "nobody", "variant": "off"})

    def answer(self, status: int | None) -> None:
        if status is None:
            self.held = (self.path.parent / "flags.json.lock").open("ab")
            fcntl.flock(self.held, fcntl.LOCK_EX)
        elif status == 403:
            self.path.unlink()
            self.path.mkdir()
        else:
            self.path.write_text('{"flags": {', encoding="utf-8")

    def state(self) -> object:
        return self.path.read_text(encoding="utf-8")

    def writes(self) -> int:
        return int(json.loads(self.path.read_text(encoding="utf-8")) != CONTENT)


@asynccontextmanager
async def flag_file() -> AsyncIterator[FlagFileSimulator]:
    """A fresh file."""
    with tempfile.TemporaryDirectory() as folder:
        simulator = FlagFileSimulator(Path(folder))
        try:
            yield simulator
        finally:
            if simulator.held is not None:
                simulator.held.close()

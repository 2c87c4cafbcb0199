"""Judged days on disk, so that a run that was interrupted goes on where it ended. Those of other code do not count."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.broker.rig import ROOT
from benchmarks.ordinary.draw import Cell
from benchmarks.ordinary.judge import Judged

DECIDING = (
    "detectors", "classifiers", "config", "streams/contracts", "streams/intake", "streams/ownership",
    "streams/pipeline.py", "streams/planning.py", "streams/presence", "streams/replay", "streams/shard",
    "streams/windows", "benchmarks/ordinary",
)
"""What a result depends on, of this repository."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The results in a folder, which is made. code: see `code_digest`."""

    folder: Path
    code: str

    def judged(self, cell: Cell, judge: Callable[[Cell], Judged]) -> Judged:
        """The result of a cell: the kept one, or a new one, which is kept."""
        file = self.folder / f"{self._name(cell)}.pickle"
        if file.exists():
            found = pickle.loads(file.read_bytes())
            assert isinstance(found, Judged)
            return found
        judged = judge(cell)
        self.folder.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.write_bytes(pickle.dumps(judged))
        part.rename(file)
        return judged

    def _name(self, cell: Cell) -> str:
        kind = cell.kind
        text = f"{self.code}/{kind.name}/{kind.hours}/{kind.services}/{cell.form}/{cell.seed}/{cell.faulty}"
        return hashlib.sha256(text.encode()).hexdigest()[:24]


def code_digest(root: Path = ROOT, deciding: tuple[str, ...] = DECIDING) -> str:
    """A digest of the files that a result depends on."""
    found = hashlib.sha256()
    for name in deciding:
        place = root / name
        files = [place] if place.is_file() else sorted(one for one in place.rglob("*") if one.is_file())
        for file in files:
            if "__pycache__" not in file.parts:
                found.update(f"{file.relative_to(root)}\0".encode())
                found.update(file.read_bytes())
    return found.hexdigest()

"""Days from seeds. Development seeds are even, published seeds are odd; nothing may be tuned on the latter."""

from __future__ import annotations

from zlib import crc32

import numpy as np

from benchmarks.ordinary.generator.day import Day, Format
from benchmarks.ordinary.kinds.base import Draw, Kind


def draw_day(kind: Kind, form: Format, seed: int) -> Day:
    """The healthy day of a kind that a seed gives."""
    rng = np.random.default_rng([13, seed, crc32(f"{kind.name}/{form}".encode())])
    return kind.make(Draw(kind.name, form, rng, kind.services, kind.hours))

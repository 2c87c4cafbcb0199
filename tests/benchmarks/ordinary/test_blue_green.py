"""All traffic moves to a new version at once: what the old one still finishes are its longest requests."""

import numpy as np

from benchmarks.ordinary.kinds.base import Draw
from benchmarks.ordinary.kinds.catalogue import KINDS
from benchmarks.ordinary.run import live
from config import load
from streams.planning import plan_of


def test_the_last_requests_of_a_version_are_no_incident() -> None:
    """With this seed, they were a page."""
    kind = next(kind for kind in KINDS if kind.name == "blue-green deploy")
    day = kind.make(Draw(kind.name, "otlp_json", np.random.default_rng([13, 0]), services=1, hours=0.9))
    assert live(plan_of(load(None, {})), day, 0).incidents == ()

"""What a process that watches has done before it owns a partition."""

from __future__ import annotations

import subprocess
import sys

NEW_MODULES = """
import sys
import streams.app
from config import load
from streams.planning import plan_of
plan = plan_of(load(None, {}))
before = set(sys.modules)
from streams.pipeline import Shard
Shard(plan)
print(sorted(set(sys.modules) - before))
"""


def test_a_shard_that_is_made_in_the_event_loop_imports_nothing() -> None:
    """River and scipy take seconds to import, in which no heartbeat would be sent."""
    done = subprocess.run([sys.executable, "-c", NEW_MODULES], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

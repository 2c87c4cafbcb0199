"""What of the world outside the tests ran on: brokers and tools that a machine may lack. Reported in the last lines."""

from __future__ import annotations

EXERCISED: dict[str, str] = {}
"""By name: whether tests ran on it, and where, or why not."""

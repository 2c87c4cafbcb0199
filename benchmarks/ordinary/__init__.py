"""Ordinary days of a serving stack: what is reported of them, and whether a fault in their midst is found.

The generator simulates requests and has no code of the detectors. `python -m benchmarks.ordinary` runs it.
"""

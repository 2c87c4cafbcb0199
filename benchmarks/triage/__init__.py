"""Triage against incidents whose cause is known: a small model of a serving stack, faults in it, and what came out.

`python -m benchmarks.triage.confusion` prints and publishes the figures. The model knows nothing of the rules that
judge it: a fault turns a physical knob (arrivals, lengths, decode speed, slots, failures, quality, retrieval,
guardrails), and what telemetry shows of it follows from queues, batches and shares of traffic. Labels follow the
definitions in `labels.py`, from the fault and from the same requests served without it.
"""

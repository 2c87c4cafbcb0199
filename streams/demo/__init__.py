"""The demo: a recording of a real LLM server played through Kafka, watched and acted on by a real worker.

Nothing in it is staged for the worker: it gets records and a configuration, as in production. Only the serving gateway
that the actions change is a stand-in, and the recording does not react to what the gateway does.
"""

from pathlib import Path

RECORDING = Path(__file__).parent / "recording" / "serving-h100-1"
"""The recording that the demo plays, shipped with the package."""

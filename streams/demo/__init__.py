"""The demo: a recording of a real LLM server is played through Kafka, and a real worker watches and acts on it.

The worker gets records and a configuration, as in production. Only the serving gateway that the actions change is a
stand-in, and the recording does not react to its changes.
"""

from pathlib import Path

RECORDING = Path(__file__).parent / "recording" / "serving-h100-1"
"""The recording that the demo plays, shipped with the package."""

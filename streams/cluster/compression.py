"""The compression codecs that a Kafka client must know: producers and topics choose them, readers cannot."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiokafka import codec  # type: ignore[import-untyped]

CODECS: Mapping[str, Callable[[], bool]] = {
    "gzip": codec.has_gzip, "snappy": codec.has_snappy, "lz4": codec.has_lz4, "zstd": codec.has_zstd,
}
"""Codec -> whether the Kafka client of this installation has it."""


class MissingCodec(RuntimeError):  # noqa: N818
    """Records of some codecs could not be read. The command line shows `exit_message`."""

    def __init__(self, missing: list[str]) -> None:
        self.exit_message = (
            f"Kafka compression {', '.join(missing)}: no library, expected the package cramjam; "
            "install tocsin with its dependencies again"
        )
        super().__init__(self.exit_message)


def require_codecs(codecs: Mapping[str, Callable[[], bool]] = CODECS) -> None:
    """Raises MissingCodec unless records of every codec can be read."""
    missing = [name for name, is_available in codecs.items() if not is_available()]
    if missing:
        raise MissingCodec(missing)

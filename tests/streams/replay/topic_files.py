"""Recordings of topics, as `kcat -J` writes them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import orjson

ESCAPED = {
    **{code: rf"\u{code:04X}" for code in range(32)}, 8: r"\b", 9: r"\t", 10: r"\n", 12: r"\f", 13: r"\r", 34: r"\"",
    92: r"\\",
}


def kcat_line(topic: str, partition: int, offset: int, value: bytes | None) -> bytes:
    """A record as kcat's JSON writer puts it: it escapes some ASCII, and leaves all other bytes as they are."""
    fields = orjson.dumps({
        "topic": topic, "partition": partition, "offset": offset, "tstype": "create", "ts": 1_795_420_000_123,
        "broker": 1, "headers": ["ce_specversion", "1.0"], "key": None,
    })
    payload = b"null" if value is None else b'"' + value.decode("latin-1").translate(ESCAPED).encode("latin-1") + b'"'
    return fields[:-1] + b',"payload":' + payload + b"}"


def write_lines(file: Path, lines: Iterable[bytes]) -> Path:
    """A file of these lines."""
    file.write_bytes(b"".join(line + b"\n" for line in lines))
    return file

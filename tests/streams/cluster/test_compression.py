from __future__ import annotations

import pytest

from streams.cluster.compression import CODECS, MissingCodec, require_codecs


def test_an_installation_knows_every_codec_of_kafka() -> None:
    assert list(CODECS) == ["gzip", "snappy", "lz4", "zstd"]
    require_codecs()


def test_a_codec_without_its_library_is_refused_by_name_and_with_what_to_install() -> None:
    with pytest.raises(MissingCodec, match=r"lz4, zstd: no library, expected the package cramjam") as raised:
        require_codecs({"gzip": lambda: True, "lz4": lambda: False, "zstd": lambda: False})
    assert raised.value.exit_message == str(raised.value)

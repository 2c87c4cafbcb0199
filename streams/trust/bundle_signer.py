"""Signs bundles of evidence with the key of the process that executes."""

from __future__ import annotations

from actions.trust.keys import Signer, framed

DOMAIN = b"tocsin.bundle.v1"
"""Begins the signed text, so that no signature of a record can pass for one of a bundle."""


class ProcessBundleSigner:
    """The signature is Ed25519, 64 bytes, over `DOMAIN` and the manifest, both framed (`actions.trust.keys.framed`)."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    @property
    def key_id(self) -> str:
        """The name of the key under `signing.keys`."""
        return self._signer.id

    def sign(self, content: bytes) -> bytes:
        """The signature of a manifest."""
        return bytes.fromhex(self._signer.sign(framed([DOMAIN, content])))

"""A bundle's signature is by the process's key, over the manifest, and stands for nothing else."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from actions.trust.keys import Signer, framed
from streams.trust.bundle_signer import DOMAIN, ProcessBundleSigner

PRIVATE = Ed25519PrivateKey.generate()
MANIFEST = b'{"files": []}'


def test_the_public_key_of_the_process_verifies_the_manifest() -> None:
    signer = ProcessBundleSigner(Signer("x1", PRIVATE))
    assert signer.key_id == "x1"
    PRIVATE.public_key().verify(signer.sign(MANIFEST), framed([DOMAIN, MANIFEST]))


def test_the_signature_of_a_bundle_does_not_fit_a_text_without_its_domain() -> None:
    with pytest.raises(InvalidSignature):
        PRIVATE.public_key().verify(ProcessBundleSigner(Signer("x1", PRIVATE)).sign(MANIFEST), MANIFEST)

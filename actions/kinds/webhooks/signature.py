"""Signatures of webhooks by HMAC-SHA-256, as the specification Standard Webhooks describes them (version 1.0.0).

The receiver computes the HMAC of `id.timestamp.body` with the shared secret and compares. `webhook-id` is the key of
the intent, the same in each retry. `webhook-timestamp` is the time of the request, so that an old request can be
refused.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping

from actions.base import Secret
from actions.kinds.http import Signer

SECRET_MIN = 16
"""Minimum number of characters of a signing secret."""


def check_signing_secret(place: str, secret: Secret | None) -> None:
    """Refuse a secret that is short enough to be guessed: `ValueError`, without the secret."""
    if secret is not None and len(secret.reveal()) < SECRET_MIN:
        raise ValueError(f"{place}: {len(secret.reveal())} characters, expected at least {SECRET_MIN}")


def signer(secret: Secret | None, now_s: Callable[[], float]) -> Signer | None:
    """What adds the three headers to a request; None without a secret."""
    if secret is None:
        return None

    def sign(body: bytes, key: str) -> Mapping[str, str]:
        timestamp = str(int(now_s()))
        digest = hmac.new(secret.reveal().encode(), f"{key}.{timestamp}.".encode() + body, hashlib.sha256).digest()
        signature = f"v1,{base64.b64encode(digest).decode()}"
        return {"webhook-id": key, "webhook-timestamp": timestamp, "webhook-signature": signature}

    return sign

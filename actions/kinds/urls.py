"""URLs as people may see them: what a query holds may be a secret (`?token=...`), and so is a password before @.

Everything that shows a URL, or a text that may hold one, uses this: messages, problems of the configuration, the
configuration itself, and each line of the log.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote_plus, urlsplit

HIDDEN = "***"
PROVES = re.compile(r"auth|cookie|credential|key|passw|secret|signature|\bsig\b|token", re.IGNORECASE)
"""In the names of headers, and of parameters of a query, that prove who calls."""
SECRET_PATH: Mapping[str, bool] = {"secret_path": True}
"""The metadata of a dataclass field that holds a URL whose path is a secret too."""
SECRET_MIN = 8
"""Characters of a value that an answer is searched for. What is shorter is no secret, and stands in many texts."""
_USER = re.compile(r"://[^\s/@?#\"']+@")
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
_AFTER_SCHEME = re.compile(r"://[^\s\"'<>\\]+")
_ENDS_SENTENCE = ").,:;]"
_PAIR = re.compile(r"([?&][\w.%\[\]-]+=)(?!\{)[^\s&#\"'<>\\]*[^\s&#\"'<>\\).,:;\]]")
"""A parameter of a URL without scheme and host, as libraries write it: `with url: /hook?token=abc`."""


def masked(url: str) -> str:
    """A URL with `***` for each value of its query but placeholders, for its fragment, and for a user and password.

    >>> masked("https://x/hook?token=abc&state={state}"), masked("https://x/hook?abc"), masked("https://x/hook")
    ('https://x/hook?token=***&state={state}', 'https://x/hook?***', 'https://x/hook')
    """
    rest, has_fragment, _ = url.partition("#")
    head, has_query, query = rest.partition("?")
    shown = _USER.sub(f"://{HIDDEN}@", head) + has_query + "&".join(map(_masked_pair, query.split("&")))
    return f"{shown}#{HIDDEN}" if has_fragment else shown


def masked_path(url: str) -> str:
    """A URL whose path is a secret too: its scheme and host.

    >>> masked_path("https://hooks.example/services/T1/abc")
    'https://hooks.example/***'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/{HIDDEN}"


def masked_in(text: str) -> str:
    """A text in which each URL is masked. Takes time linear in the text.

    >>> masked_in("GET https://x/hook?token=abc: answered 500"), masked_in("with url: /hook?token=abc (Caused by")
    ('GET https://x/hook?token=***: answered 500', 'with url: /hook?token=*** (Caused by')
    """
    if "?" not in text and "@" not in text and "#" not in text:
        return text
    return _PAIR.sub(rf"\1{HIDDEN}", _AFTER_SCHEME.sub(_masked_match, text))


def proving_parameter(url: str) -> str | None:
    """The first parameter of a URL's query whose name says that its value proves who calls; None without one.

    >>> proving_parameter("https://x/ready?zone={service}&token=abc")
    'token'
    """
    names = [pair.partition("=")[0] for pair in url.partition("?")[2].split("&")]
    return next((name for name in names if PROVES.search(name)), None)


def check_base(place: str, shown: str, url: str) -> None:
    """Refuse a URL to which paths are added where it has a query or a fragment. Raises `ValueError`."""
    parts = urlsplit(url)
    if parts.query or parts.fragment:
        raise ValueError(f"{place}: {shown}, expected a URL without ? and #, to which paths are added")


def query_secrets(url: str) -> frozenset[str]:
    """The values of a URL's query, as written and decoded, that may be secrets."""
    values = [pair.partition("=")[2] or pair for pair in urlsplit(url).query.split("&")]
    return frozenset(one for value in values for one in (value, unquote_plus(value)) if len(one) >= SECRET_MIN)


def _masked_match(found: re.Match[str]) -> str:
    url = found[0].rstrip(_ENDS_SENTENCE)
    return masked(url) + found[0][len(url):]


def _masked_pair(pair: str) -> str:
    name, is_named, value = pair.partition("=")
    if _PLACEHOLDER.fullmatch(value if is_named else name) or not (value if is_named else name):
        return pair
    return f"{name}={HIDDEN}" if is_named else HIDDEN

"""Which certificates are trusted: read once, because that takes longer than everything else about making a client."""

from __future__ import annotations

import ssl
from functools import lru_cache

import httpx


@lru_cache(maxsize=1)
def trusted() -> ssl.SSLContext:
    """The usual context of the HTTP library, which also obeys SSL_CERT_FILE."""
    return httpx.create_ssl_context()

"""How a client reaches its server; read once, shared by both shells."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Dict, Optional
from urllib.parse import urlsplit

from .version import VERSION


@dataclass(frozen=True)
class Settings:
    """``url`` has no trailing slash. ``headers`` go with every request."""

    url: str
    headers: Dict[str, str]
    timeout: float
    retries: int
    max_connections: Optional[int]


def settings(
    url: str,
    api_key: Optional[str],
    username: Optional[str],
    password: Optional[str],
    timeout: float,
    retries: int,
    max_connections: Optional[int],
) -> Settings:
    """Checks what a client is given; raises ``ValueError`` for what can never work."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(
            f"url must begin with http:// or https:// and name a host, such as http://localhost:15500; got {url!r}"
        )
    if parts.query or parts.fragment:
        raise ValueError(f"url must not have a query or a fragment: {url!r}")
    if timeout <= 0:
        raise ValueError("timeout must be a number of seconds above 0")
    if retries < 0:
        raise ValueError("retries must be 0 or more")
    headers = {
        "accept": "application/json",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "user-agent": f"synapd-python/{VERSION}",
    }
    credentials = authorization(api_key, username, password)
    if credentials is not None:
        headers["authorization"] = credentials
    return Settings(url.rstrip("/"), headers, timeout, retries, max_connections)


def authorization(api_key: Optional[str], username: Optional[str], password: Optional[str]) -> Optional[str]:
    """The header for an API key, or for a user and password; ``None`` without either."""
    if api_key is not None:
        if username is not None or password is not None:
            raise ValueError("give either api_key, or username and password, not both")
        if not api_key.isascii() or not api_key.isprintable() or api_key.strip() != api_key or api_key == "":
            raise ValueError("api_key must be printable ASCII without blanks around it")
        return f"Bearer {api_key}"
    if username is None and password is None:
        return None
    if username is None or password is None:
        raise ValueError("username and password belong together")
    if ":" in username:
        raise ValueError("username must not contain a colon")
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")

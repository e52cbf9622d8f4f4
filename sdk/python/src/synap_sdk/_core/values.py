"""How Python values become key-value texts and back."""

from __future__ import annotations

import json
from typing import Any, Optional

_JSON_STARTS = frozenset('{["-0123456789tfn \t\r\n')
BINARY_SIGN = "<binary data: "


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def parsed(text: str) -> Any:
    """JSON where the text is JSON, else the text itself."""
    if text[:1] not in _JSON_STARTS:
        return text
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return text


def read(text: Optional[str]) -> Any:
    """A stored text as a value; ``None`` when there is no key."""
    return None if text is None else parsed(text)


def stored(value: Any) -> Any:
    """What is sent for a value: bytes have to be UTF-8 text, because the store holds text."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        try:
            return bytes(value).decode("utf-8")
        except UnicodeDecodeError:
            raise ValueError("values are text or JSON; encode other bytes first, for example with base64") from None
    return value


def octets(payload: Any) -> list[int]:
    """A message payload as the wire carries it."""
    if isinstance(payload, str):
        return list(payload.encode("utf-8"))
    if isinstance(payload, (bytes, bytearray, memoryview)):
        return list(bytes(payload))
    raise TypeError(
        f"a message payload is bytes, or text; got {type(payload).__name__}. Use json.dumps(...) for other values."
    )

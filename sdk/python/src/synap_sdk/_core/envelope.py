"""The command envelope: one request, one answer, as bytes. Every call of the SDK goes through it."""

from __future__ import annotations

import json
from typing import Any, Mapping

from ..errors import SynapError
from .failures import failed, foreign, refused

PATH = "/api/v1/command"
_dumps = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def request(command: str, request_id: str, payload: Mapping[str, Any]) -> bytes:
    """The body of a call; raises ``TypeError`` or ``ValueError`` for what JSON cannot say."""
    return _dumps({"command": command, "request_id": request_id, "payload": payload}).encode("utf-8")


def answer(status: int, headers: Mapping[str, str], body: bytes, command: str, request_id: str, url: str) -> Any:
    """The payload of the answer; raises ``SynapError`` for everything that is not one."""
    if status != 200:
        raise failed(status, headers, body, command, url)
    try:
        envelope = json.loads(body)
    except ValueError:
        if headers.get("content-type", "").startswith("application/json"):
            raise SynapError(
                f"{url} answered {command} with JSON that ends too early or is damaged; whether it took effect is "
                "unknown. Look at what stands between.",
                status,
                retryable=True,
                unknown=True,
            ) from None
        raise foreign(status, headers, body, command, url) from None
    if type(envelope) is dict and envelope.get("request_id") == request_id:
        success = envelope.get("success")
        if success is True and "payload" in envelope:
            return envelope["payload"]
        if success is False and isinstance(envelope.get("error"), str):
            raise refused(envelope["error"])
    raise SynapError(
        f"{url} answered {command} with JSON that is no answer to it. Check that the url is that of a synapd server, "
        "and that nothing in between caches.",
        status,
        unknown=True,
    )


def unexpected(command: str, url: str, payload: Any) -> SynapError:
    """An answer without what belongs into it."""
    shown = repr(payload)
    return SynapError(
        f"{url} answered {command} in a form that this SDK does not know: {shown[:120]}. "
        "Compare the versions of server and SDK.",
        200,
        unknown=True,
    )

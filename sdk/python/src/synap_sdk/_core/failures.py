"""What went wrong on the way, as errors that say what to do. Knows HTTP and the texts of the server, does no I/O."""

from __future__ import annotations

import json
from typing import Mapping, NamedTuple, Optional

import httpx

from ..errors import SynapError


class Kind(NamedTuple):
    """A family of refusals, told by how the server's text begins; the wire has no other sign."""

    prefix: str
    status: int
    advice: str
    retryable: bool = False


KINDS = (
    Kind("Key not found:", 404, "The key does not exist, or its TTL has run out."),
    Kind("Queue not found:", 404, "Create it first with queue.create."),
    Kind("Message not found:", 404, "It is not in flight: acknowledged already, or its deadline has passed."),
    Kind("Queue is full:", 507, "Consume or purge messages, or make the queue with a larger max_depth."),
    Kind("Memory limit exceeded", 507, "Delete keys, raise kv_store.max_memory_mb, or choose an eviction policy."),
    Kind("Storage is full:", 507, "Make room on the disk of the server; writes resume by themselves."),
    Kind("Quota exceeded:", 507, "Delete something, or raise the limit that is named."),
    Kind("Read only:", 503, "The server cannot write at present; see its log.", True),
    Kind("Unavailable:", 503, "The server is starting, stopping or overloaded; try again.", True),
    Kind("Unauthorized:", 401, "Pass api_key=..., or username=... and password=..., to the client."),
    Kind("Forbidden:", 403, "Use credentials with this permission, or have it granted to these."),
    Kind("Unknown command:", 400, "This server does not know it; compare the versions of server and SDK."),
    Kind("Invalid request:", 400, ""),
    Kind("Invalid value:", 400, ""),
    Kind("Serialization error:", 500, ""),
    Kind("Internal error:", 500, "This is a fault of the server; its log says more."),
)
OTHER = Kind("", 400, "")


def refused(text: str) -> SynapError:
    """A command that the server refused in an envelope."""
    kind = next((kind for kind in KINDS if text.startswith(kind.prefix)), OTHER)
    return SynapError(
        advised(text, kind.advice),
        kind.status,
        detail=text,
        retryable=kind.retryable,
        unknown=kind.prefix == "Read only:",
    )


def advised(text: str, advice: str) -> str:
    return f"{text.rstrip('.')}. {advice}" if advice else text


def lost(error: httpx.HTTPError, what: str, url: str, timeout: float) -> SynapError:
    """No answer, or not all of it."""
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
        reason = str(error) or type(error).__name__
        return SynapError(
            f"cannot reach {url} for {what}: {reason}. Check that the server runs there and that the url is right.",
            retryable=True,
        )
    if isinstance(error, httpx.PoolTimeout):
        return SynapError(
            f"{what} found no free connection to {url} within {timeout:g} s. "
            "Raise max_connections=, or make fewer calls at once.",
            retryable=True,
        )
    if isinstance(error, httpx.TimeoutException):
        return SynapError(
            f"{url} did not answer {what} within {timeout:g} s; whether it took effect is unknown. "
            "Raise timeout=, or see what keeps the server busy.",
            retryable=True,
            unknown=True,
        )
    reason = str(error) or type(error).__name__
    return SynapError(
        f"the connection to {url} broke before {what} was answered in full ({reason}); whether it took effect is "
        "unknown. If the server was not restarted, look at what stands between.",
        retryable=True,
        unknown=True,
    )


def failed(status: int, headers: Mapping[str, str], body: bytes, what: str, url: str) -> SynapError:
    """An HTTP status other than 200."""
    detail = said(body)
    wait = seconds(headers.get("retry-after"))
    if detail is None and 300 <= status < 400:
        target = headers.get("location", "somewhere else")
        return SynapError(f"{url} redirects {what} to {target}. Give that address as url.", status)
    if detail is None:
        return foreign(status, headers, body, what, url)
    if status == 401:
        return SynapError(advised(detail, advice("Unauthorized:")), 401, detail=detail)
    if status == 404 and detail.startswith("Not found"):
        return SynapError(advised(detail, f"Is {url} the address of a synapd server?"), 404, detail=detail)
    if status == 413:
        return SynapError(advised(detail, "Send less at once, or raise server.max_body_bytes."), 413, detail=detail)
    known = next((kind for kind in KINDS if detail.startswith(kind.prefix)), OTHER)
    return SynapError(
        advised(detail, "Send more slowly." if status == 429 else known.advice),
        status,
        detail=detail,
        retryable=status in (429, 502, 503, 504),
        unknown=status >= 500 and not detail.startswith("Unavailable:"),
        retry_after=wait,
    )


def foreign(status: int, headers: Mapping[str, str], body: bytes, what: str, url: str) -> SynapError:
    """An answer that no server of ours gives: of a proxy, or of something else at this address."""
    kind = headers.get("content-type", "").split(";")[0].strip() or "no content type"
    start = body[:80].decode("utf-8", "replace").strip()
    shown = f" It begins: {start!r}." if start else ""
    if status == 401:
        guess = "Credentials are missing or wrong; pass api_key=..., or username=... and password=..., to the client."
    elif status in (502, 503, 504):
        guess = "A proxy in between cannot reach the server; see whether it runs."
    else:
        guess = "Check the url, and what stands between."
    return SynapError(
        f"{url} answered {what} with status {status} and {kind} instead of JSON.{shown} {guess}",
        status,
        retryable=status in (502, 503, 504),
        unknown=status not in (401, 404, 405),
        retry_after=seconds(headers.get("retry-after")),
    )


def advice(prefix: str) -> str:
    return next(kind.advice for kind in KINDS if kind.prefix == prefix)


def said(body: bytes) -> Optional[str]:
    """The text of an error body, when it is one."""
    try:
        parsed = json.loads(body)
    except ValueError:
        return None
    text = parsed.get("error") if isinstance(parsed, dict) else None
    return text if isinstance(text, str) else None


def seconds(header: Optional[str]) -> Optional[float]:
    try:
        return float(header) if header is not None else None
    except ValueError:
        return None

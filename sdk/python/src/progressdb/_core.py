"""Requests and answers of the chat face, without I/O."""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import httpx

from .errors import ApiError

T = TypeVar("T")
# HTTP servers may take bytes beyond ASCII away from the ends of a header, and ours reads RFC 8187.
FRAGILE = re.compile(r"\A[^\x20-\x7e]|[^\x20-\x7e]\Z|\Autf-8'", re.IGNORECASE)
ADVICE = {
    401: "Pass the api_key of a backend, or of an admin for admin calls.",
    403: "Use a key, or an author, that may do this.",
    404: "Check the id and base_url; what had this id may have been deleted.",
    413: "Send less at once.",
    429: "Send more slowly.",
    502: "A proxy in between cannot reach the server; see whether it runs.",
    503: "The server is starting, stopping or overloaded; try again.",
    504: "A proxy in between got no answer from the server in time.",
    507: "The server has no room: delete something, or raise its limit.",
}


class Settings(NamedTuple):
    base_url: str
    headers: Dict[str, str]
    timeout: float
    max_retries: int


def settings(base_url: str, api_key: Optional[str], timeout: float, max_retries: int) -> Settings:
    """Raises ``ValueError`` for what can never work."""
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"base_url must begin with http:// or https:// and name a host; got {base_url!r}")
    if timeout <= 0:
        raise ValueError("timeout must be a number of seconds above 0")
    if max_retries < 0:
        raise ValueError("max_retries must be 0 or more")
    headers = {"accept": "application/json", "content-type": "application/json"}
    if api_key is not None:
        if not api_key.isascii() or not api_key.isprintable() or api_key.strip() != api_key or api_key == "":
            raise ValueError("api_key must be printable ASCII without blanks around it")
        headers["x-api-key"] = api_key
    return Settings(base_url[:-1] if base_url.endswith("/") else base_url, headers, timeout, max_retries)


def path(*segments: str) -> str:
    """A path below ``/v1`` with every segment encoded; an empty one would name something else."""
    for segment in segments:
        if not isinstance(segment, str) or segment == "":
            raise ValueError(f"an id must be text, and not empty; got {segment!r}")
    return "/v1/" + "/".join(quote(segment, safe="") for segment in segments)


def query(**parameters: Any) -> str:
    given = {name: value for name, value in parameters.items() if value is not None}
    return "?" + urlencode(given) if given else ""


def required(author: Optional[str], method: str) -> str:
    if not author:
        raise ValueError(f"author is required for backend {method} calls")
    return author


def in_name_of(author: Optional[str]) -> Dict[str, str]:
    """The header that says who acts; absent without an author."""
    return {} if not author else {"x-user-id": author}


def carried(target: str, headers: Mapping[str, str]) -> Tuple[str, Mapping[str, str]]:
    """Target and headers for a user whose name a header may cut: it goes into the query, which servers of ProgressDB read
    too, or, where it is signed and only headers tell it, into the form of RFC 8187."""
    user = headers.get("x-user-id", "")
    if FRAGILE.search(user) is None:
        return target, headers
    encoded({"x-user-id": user})  # refuses what it refuses in a header
    if "x-user-signature" in headers:
        return target, {**headers, "x-user-id": "UTF-8''" + quote(user, safe="")}
    others = {name: value for name, value in headers.items() if name != "x-user-id"}
    return f"{target}{'&' if '?' in target else '?'}author={quote(user, safe='')}", others


def encoded(headers: Mapping[str, str]) -> List[Tuple[bytes, bytes]]:
    """Header values as UTF-8, which is what the server signs and compares; refuses what a header cannot carry."""
    for name, value in headers.items():
        if value != value.strip() or any(ord(character) < 32 or ord(character) == 127 for character in value):
            raise ValueError(f"{name} must not have control characters, nor blanks around it: {value!r}")
    return [(name.encode("ascii"), value.encode("utf-8")) for name, value in headers.items()]


def wait(attempt: int) -> float:
    """Seconds before the next attempt: 0.2, 0.4, 0.8, ..."""
    return 0.1 * 2.0 ** min(attempt, 8)


def transient(method: str, status: int) -> bool:
    """Whether another attempt may mend this status."""
    return status in (502, 503, 504) or (status == 500 and method == "GET")


def unreachable(error: httpx.HTTPError, what: str, base_url: str) -> ApiError:
    reason = str(error) or type(error).__name__
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
        return ApiError(
            0,
            None,
            f"Cannot reach {base_url} for {what}: {reason}. "
            "Check that the server runs there and that base_url is right.",
        )
    if isinstance(error, httpx.TimeoutException):
        return ApiError(
            0, None, f"{base_url} did not answer {what} in time. Raise timeout=, or see what keeps the server busy."
        )
    return ApiError(0, None, f"The connection to {base_url} broke before {what} was answered in full: {reason}.")


def answer(status: int, headers: Mapping[str, str], body: bytes, what: str) -> Any:
    """The JSON of a success, ``None`` for one without content; raises ``ApiError`` for everything else."""
    if status == 204:
        return None
    try:
        parsed = json.loads(body)
    except ValueError:
        kind = headers.get("content-type", "").split(";")[0].strip() or "no content type"
        advice = (ADVICE.get(status) if status != 404 else None) or (
            f"That is {kind}, where JSON was to be: check base_url, and what stands between."
            if kind != "application/json"
            else "That is JSON that ends too early or is damaged."
        )
        raise ApiError(status, body.decode("utf-8", "replace"), f"{advice} It was the answer to {what}.") from None
    if not 200 <= status < 300:
        raise ApiError(status, parsed, ADVICE.get(status, ""))
    return parsed


def read(made_of: Callable[[Any], T], parsed: Any, what: str) -> T:
    try:
        return made_of(parsed)
    except (KeyError, TypeError, AttributeError):
        raise ApiError(
            200, parsed, f"That is not what {what} answers; compare the versions of server and SDK."
        ) from None


def record(parsed: Any) -> Dict[str, Any]:
    if isinstance(parsed, dict):
        return parsed
    raise TypeError


def signed(parsed: Any) -> Dict[str, Any]:
    if isinstance(parsed["userId"], str) and isinstance(parsed["signature"], str):
        return record(parsed)
    raise TypeError


def nothing(parsed: Any) -> None:
    if parsed is not None:
        raise TypeError


def anything(parsed: Any) -> Any:
    return parsed

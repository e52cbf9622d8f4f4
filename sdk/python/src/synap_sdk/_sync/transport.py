# Made by generate.py from synap_sdk/_async/transport.py; change that file instead.
"""Sends calls and opens feeds over one pool of kept-alive connections."""

from __future__ import annotations

from itertools import count
from typing import Any, Callable, Dict, Mapping, Optional, TypeVar

import httpx

from .._core import envelope
from .._core.failures import failed, lost
from .._core.retry import delay
from .._core.settings import Settings
from .._core.tls import trusted
from ..errors import SynapError
from ._runtime import sleep

T = TypeVar("T")

#: Idle connections are dropped before the server drops them, so that a call never meets one that is just closing.
IDLE_SECONDS = 5.0
#: A feed is silent for 15 seconds at most; the server sends a heartbeat.
FEED_SILENCE = 40.0


class Transport:
    """One client's connections. Opened lazily, closed by ``close``."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._ids = count(1)
        self._url = httpx.URL(settings.url + envelope.PATH)
        self._headers = httpx.Headers(settings.headers)
        self._timeout = {"timeout": httpx.Timeout(settings.timeout).as_dict()}
        self._http = httpx.Client(
            verify=trusted(),
            timeout=settings.timeout,
            limits=httpx.Limits(
                max_connections=settings.max_connections,
                max_keepalive_connections=settings.max_connections,
                keepalive_expiry=IDLE_SECONDS,
            ),
        )

    def close(self) -> None:
        self._http.close()

    def call(
        self,
        command: str,
        payload: Mapping[str, Any],
        read: Callable[[Any], T],
        *,
        repeatable: bool,
        wait: float = 0.0,
        retries: Optional[int] = None,
    ) -> T:
        """The answer to a command, as ``read`` makes it of the payload.

        ``repeatable``: doing it twice is the same as doing it once. ``wait``: seconds that the server may take on
        purpose. ``retries``: other than the client's.
        """
        url = self.settings.url
        request_id = str(next(self._ids))
        body = envelope.request(command, request_id, payload)
        extensions = self._timeout if wait == 0.0 else self._patient(wait)
        allowed = self.settings.retries if retries is None else retries
        attempt = 0
        while True:
            try:
                request = httpx.Request("POST", self._url, headers=self._headers, content=body, extensions=extensions)
                try:
                    response = self._http.send(request)
                except httpx.HTTPError as error:
                    raise lost(error, command, url, self.settings.timeout + wait) from error
                answer = envelope.answer(
                    response.status_code, response.headers, response.content, command, request_id, url
                )
                break
            except SynapError as error:
                pause = delay(error, attempt, allowed, repeatable)
                if pause is None:
                    raise
                attempt += 1
            sleep(pause)
        try:
            return read(answer)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            raise envelope.unexpected(command, url, answer) from None

    def _patient(self, wait: float) -> Dict[str, Any]:
        timeout = self.settings.timeout
        return {"timeout": httpx.Timeout(timeout, read=timeout + wait).as_dict()}

    def open(self, path: str, query: Mapping[str, str], headers: Mapping[str, str], what: str) -> httpx.Response:
        """A response whose body goes on; the caller closes it. Raises ``SynapError`` for a refusal."""
        settings = self.settings
        request = self._http.build_request(
            "GET",
            settings.url + path,
            params=query,
            headers={**settings.headers, "accept": "text/event-stream", **headers},
            timeout=httpx.Timeout(settings.timeout, read=FEED_SILENCE),
        )
        try:
            response = self._http.send(request, stream=True)
            if response.status_code == 200 and response.headers.get("content-type", "").startswith("text/event-stream"):
                return response
            body = response.read()
            response.close()
        except httpx.HTTPError as error:
            raise lost(error, what, settings.url, settings.timeout) from error
        raise failed(response.status_code, response.headers, body, what, settings.url)

    def health(self) -> Dict[str, Any]:
        """What the server says of itself; needs no credentials."""
        url = self.settings.url
        try:
            response = self._http.get(url + "/health", headers=self._headers)
        except httpx.HTTPError as error:
            raise lost(error, "health", url, self.settings.timeout) from error
        try:
            answer = response.json() if response.status_code == 200 else None
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise failed(response.status_code, response.headers, response.content, "health", url)
        return answer

# Made by generate.py from synap_sdk/_async/feed.py; change that file instead.
"""A subscription that keeps itself alive: events from a response that goes on, and from the next one when it breaks."""

from __future__ import annotations

import json
from collections import deque
from typing import Any, Iterator, Awaitable, Callable, Deque, Dict, Generic, Mapping, Optional, TypeVar

import httpx

from .._core.envelope import unexpected
from .._core.failures import lost, refused
from .._core.retry import backoff, delay
from .._core.sse import ServerEvent, SseParser
from ..errors import SynapError
from ._runtime import Signal, interrupt
from .transport import FEED_SILENCE, Transport

T = TypeVar("T")


class Feed(Generic[T]):
    """Iterate over it, or enter it as a context to be subscribed before the first item is asked for.

    The first connection is tried as often as a call is; afterwards it reconnects for as long as it takes, and raises
    only what another try cannot mend. ``close`` may be called from anywhere and ends the iteration.

    Attributes:
        reconnects: how often the connection was lost and made anew.
    """

    def __init__(
        self,
        transport: Transport,
        what: str,
        path: str,
        query: Mapping[str, str],
        read: Callable[[Any], T],
        check: Optional[Callable[[], None]] = None,
    ) -> None:
        self._transport = transport
        self._what = what
        self._path = path
        self._query = query
        self._read = read
        self._check = check
        self._response: Optional[httpx.Response] = None
        self._pieces: Optional[Iterator[bytes]] = None
        self._parser = SseParser()
        self._ready: Deque[T] = deque()
        self._last_id: Optional[str] = None
        self._closed = Signal()
        self._failures = 0
        self._hello = False
        self._established = False
        self.reconnects = 0

    def __enter__(self) -> Feed[T]:
        self._connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._disconnect()

    def __iter__(self) -> Feed[T]:
        return self

    def __next__(self) -> T:
        while not self._ready:
            if self._closed.is_set():
                self._disconnect()
                raise StopIteration
            try:
                if self._pieces is None:
                    self._connect()
                else:
                    self._receive()
            except SynapError as error:
                self._disconnect()
                if not error.retryable or not self._established:
                    raise
                pause = backoff(self._failures)
                self._failures += 1
                self._closed.wait(pause)
        return self._ready.popleft()

    def close(self) -> None:
        """Ends the subscription. Items that have arrived already are still given out."""
        self._closed.set()
        if self._response is not None:
            interrupt(self._response)

    def _disconnect(self) -> None:
        response, self._response, self._pieces = self._response, None, None
        if response is not None:
            response.close()

    def _connect(self) -> None:
        """Opens the feed, and waits until the server says that it listens."""
        if self._pieces is not None:
            return
        first = not self._established
        attempt = 0
        while True:
            try:
                if self._check is not None:
                    self._check()
                headers = {} if self._last_id is None else {"last-event-id": self._last_id}
                self._parser = SseParser()
                self._response = self._transport.open(self._path, self._query, headers, self._what)
                self._pieces = self._response.iter_raw()
                self._hello = False
                while not self._hello:
                    self._receive()
                break
            except SynapError as error:
                self._disconnect()
                pause = delay(error, attempt, self._transport.settings.retries if first else 0, True)
                if pause is None or self._closed.wait(pause):
                    raise
                attempt += 1
        if not first:
            self.reconnects += 1
        self._established = True
        self._failures = 0

    def _receive(self) -> None:
        """Waits for the next piece and keeps the items in it."""
        url = self._transport.settings.url
        if self._pieces is None:
            return
        try:
            piece = self._pieces.__next__()
            events = self._parser.feed(piece)
        except StopIteration:
            raise SynapError(f"{url} ended {self._what}", retryable=True) from None
        except httpx.StreamError as error:
            raise SynapError(f"{self._what} was closed", retryable=True) from error
        except httpx.HTTPError as error:
            raise lost(error, self._what, url, FEED_SILENCE) from error
        except ValueError as error:
            raise SynapError(f"{url} sent {self._what} what it cannot mean: {error}") from error
        for event in events:
            self._take(event, url)

    def _take(self, event: ServerEvent, url: str) -> None:
        try:
            data: Dict[str, Any] = json.loads(event.data)
            if event.name == "connected":
                self._hello = True
            elif event.name == "end":
                raise refused(data["error"])
            elif event.name == "message":
                self._ready.append(self._read(data))
                self._last_id = event.id if event.id is not None else self._last_id
        except (KeyError, TypeError, ValueError, AttributeError):
            raise unexpected(self._what, url, event.data) from None

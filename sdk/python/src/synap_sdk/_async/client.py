"""The client: one server, one pool of connections, four families of calls."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from .._core.settings import settings
from .kv import AsyncKV
from .pubsub import AsyncPubSub
from .queue import AsyncQueue
from .stream import AsyncStream
from .transport import AsyncTransport


class AsyncSynapClient:
    """A client of a synapd server.

    Args:
        url: where the server is, such as ``http://localhost:15500``.
        api_key: or ``username`` and ``password``: who is calling.
        timeout: seconds to wait for a connection, and for an answer.
        retries: further attempts of a call that failed on the way and may be repeated; 0 for none.
        max_connections: calls under way at the same time; feeds count.

    It may be shared by everything in a program. Close it, or use it as a context, to give its connections back.
    """

    def __init__(
        self,
        url: str,
        api_key: Optional[str] = None,
        username: Optional[str] = None,
        password: Optional[str] = None,
        *,
        timeout: float = 10.0,
        retries: int = 4,
        max_connections: Optional[int] = None,
    ) -> None:
        self._transport = AsyncTransport(settings(url, api_key, username, password, timeout, retries, max_connections))
        self.kv = AsyncKV(self._transport)
        self.queue = AsyncQueue(self._transport)
        self.stream = AsyncStream(self._transport)
        self.pubsub = AsyncPubSub(self._transport)

    async def call(self, command: str, payload: Optional[Mapping[str, Any]] = None, *, repeatable: bool = False) -> Any:
        """Any command of the server by its name, such as ``hash.set``; its answer as JSON.

        ``repeatable``: try again also when an answer was lost, because twice is the same as once.
        """
        return await self._transport.call(command, payload or {}, lambda answer: answer, repeatable=repeatable)

    async def health(self) -> Dict[str, Any]:
        """What the server says of itself; needs no credentials."""
        return await self._transport.health()

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def __aenter__(self) -> AsyncSynapClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

# Made by generate.py from synap_sdk/_async/client.py; change that file instead.
"""The client: one server, one pool of connections, four families of calls."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from .._core.settings import settings
from .kv import KV
from .pubsub import PubSub
from .queue import Queue
from .stream import Stream
from .transport import Transport


class SynapClient:
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
        self._transport = Transport(settings(url, api_key, username, password, timeout, retries, max_connections))
        self.kv = KV(self._transport)
        self.queue = Queue(self._transport)
        self.stream = Stream(self._transport)
        self.pubsub = PubSub(self._transport)

    def call(self, command: str, payload: Optional[Mapping[str, Any]] = None, *, repeatable: bool = False) -> Any:
        """Any command of the server by its name, such as ``hash.set``; its answer as JSON.

        ``repeatable``: try again also when an answer was lost, because twice is the same as once.
        """
        return self._transport.call(command, payload or {}, lambda answer: answer, repeatable=repeatable)

    def health(self) -> Dict[str, Any]:
        """What the server says of itself; needs no credentials."""
        return self._transport.health()

    def close(self) -> None:
        self._transport.close()

    def __enter__(self) -> SynapClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

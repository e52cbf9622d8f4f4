"""The synchronous client, whose subscriptions may also be iterated asynchronously."""

from __future__ import annotations

from typing import AsyncIterator, Generic, Optional, Sequence, TypeVar

from ._async.feed import AsyncFeed
from ._async.transport import AsyncTransport
from ._sync import client, pubsub
from ._sync.feed import Feed
from .models import PubSubMessage

T = TypeVar("T")


class Subscription(Feed[T], Generic[T]):
    """Iterate with ``for`` in a thread, or with ``async for`` in a coroutine."""

    def __aiter__(self) -> AsyncIterator[T]:
        return self._beside()

    async def _beside(self) -> AsyncIterator[T]:
        transport = AsyncTransport(self._transport.settings)
        feed: AsyncFeed[T] = AsyncFeed(transport, self._what, self._path, self._query, self._read)
        try:
            async with feed:
                async for item in feed:
                    yield item
        finally:
            await transport.aclose()


class PubSub(pubsub.PubSub):
    __doc__ = pubsub.PubSub.__doc__

    def subscribe(self, topics: Sequence[str]) -> Subscription[PubSubMessage]:
        feed = super().subscribe(topics)
        return Subscription(self._transport, feed._what, feed._path, feed._query, feed._read)


class SynapClient(client.SynapClient):
    __doc__ = client.SynapClient.__doc__
    pubsub: PubSub

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
        super().__init__(
            url, api_key, username, password, timeout=timeout, retries=retries, max_connections=max_connections
        )
        self.pubsub = PubSub(self._transport)

# Made by generate.py from synap_sdk/_async/pubsub.py; change that file instead.
"""Pub/sub: to everybody who listens now, without history."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence

from ..models import PubSubMessage
from .feed import Feed
from .kv import listed, mapping
from .queue import texts
from .transport import Transport


class PubSub:
    """Topics are words split at dots. A pattern has ``*`` for one word, or ``#`` at its end for any number."""

    def __init__(self, transport: Transport) -> None:
        self._call = transport.call
        self._transport = transport

    def publish(self, topic: str, message: Any, *, metadata: Optional[Mapping[str, str]] = None) -> int:
        """Sends a message, any JSON value; how many subscribers it matched."""
        payload: Dict[str, Any] = {"topic": topic, "payload": message}
        if metadata is not None:
            payload["metadata"] = texts(metadata, "metadata")
        return self._call(
            "pubsub.publish", payload, lambda done: int(done["subscribers_matched"]), repeatable=False
        )

    def subscribe(self, topics: Sequence[str]) -> Feed[PubSubMessage]:
        """Messages of these topics and patterns, from now on; iterate over it, without end.

        It listens from the first item that is asked for, or from the start of a ``with`` block. A lost connection is
        made anew; what was published meanwhile is not seen, as pub/sub keeps nothing (``reconnects`` tells).
        """
        query = {"topics": listed(topics, "topic")}
        return Feed(self._transport, "pubsub.subscribe", "/pubsub/sse", query, PubSubMessage.read)

    def topics(self) -> List[str]:
        """Exact topics that somebody subscribed to."""
        return self._call("pubsub.topics", {}, lambda done: [*done["topics"]], repeatable=True)

    def info(self, topic: str) -> Mapping[str, Any]:
        """One exact topic; an error with status 400 when nobody ever subscribed to it."""
        return self._call("pubsub.info", {"topic": topic}, mapping, repeatable=True)

    def stats(self) -> Mapping[str, Any]:
        return self._call("pubsub.stats", {}, mapping, repeatable=True)

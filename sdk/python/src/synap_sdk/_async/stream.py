"""Event streams: rooms whose events are numbered from 0 and read from any number on."""

from __future__ import annotations

from typing import Any, AsyncIterator, Dict, List, Mapping, Optional, Union
from urllib.parse import quote

from ..errors import SynapError
from ..models import Event, StreamStats
from .feed import AsyncFeed
from .kv import whole
from .queue import texts, waiting
from .transport import AsyncTransport

Offset = Union[int, str]
PAGE = 1_000


class AsyncStream:
    """Streams. An offset is a number, ``"earliest"`` or ``"latest"``."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._call = transport.call
        self._transport = transport

    async def create(
        self,
        stream: str,
        partitions: int = 1,
        retention_hours: Optional[float] = None,
        *,
        max_events: Optional[int] = None,
        max_bytes: Optional[int] = None,
    ) -> None:
        """Makes a stream; an error when it exists.

        A stream is one ordered sequence, so ``partitions`` can only be 1; for more use ``client.call("topic.create",
        ...)``. Events go ``retention_hours`` after they were published (0: never), and the oldest go beyond ``max_events``
        (unless somebody has still to read them) and ``max_bytes``; the server's settings hold where nothing is said.
        """
        await self._call(
            "stream.create",
            creation(stream, partitions, retention_hours, max_events, max_bytes),
            lambda done: done["success"],
            repeatable=False,
        )

    async def get_or_create(
        self,
        stream: str,
        partitions: int = 1,
        retention_hours: Optional[float] = None,
        *,
        max_events: Optional[int] = None,
        max_bytes: Optional[int] = None,
    ) -> bool:
        """Makes a stream unless it exists; whether it was made. One that exists keeps its limits."""
        return await self._call(
            "stream.get_or_create",
            creation(stream, partitions, retention_hours, max_events, max_bytes),
            lambda done: bool(done["created"]),
            repeatable=True,
        )

    async def delete(self, stream: str) -> None:
        """Deletes a stream with its events; an error when there is none."""
        await self._call("stream.delete", {"room": stream}, lambda done: done["success"], repeatable=False)

    async def list(self) -> List[str]:
        """The names of all streams."""
        return await self._call("stream.list", {}, lambda done: [*done["rooms"]], repeatable=True)

    async def stats(self, stream: str) -> StreamStats:
        return await self._call("stream.stats", {"room": stream}, StreamStats.read, repeatable=True)

    async def publish(self, stream: str, event: str, data: Any, *, metadata: Optional[Mapping[str, str]] = None) -> int:
        """Appends an event; its offset. ``data`` is any JSON value."""
        payload: Dict[str, Any] = {"room": stream, "event": event, "data": data}
        if metadata is not None:
            payload["metadata"] = texts(metadata, "metadata")
        return await self._call("stream.publish", payload, lambda done: int(done["offset"]), repeatable=False)

    async def consume(
        self, stream: str, subscriber_id: str, from_offset: Offset = 0, limit: int = 100, *, wait: float = 0.0
    ) -> List[Event]:
        """Up to ``limit`` events from an offset on; go on from the last one's offset + 1.

        Nothing there yet: an empty list, after ``wait`` seconds (60 at most). Events that retention has taken are an
        error that names the earliest offset there is.
        """
        payload = {
            "room": stream,
            "subscriber_id": subscriber_id,
            "from_offset": offset(from_offset),
            "limit": whole(limit, "limit"),
            **waiting(wait),
        }
        return await self._call(
            "stream.consume",
            payload,
            lambda done: [Event.read(one) for one in done["events"]],
            repeatable=True,
            wait=wait,
        )

    async def read(self, stream: str, subscriber_id: str, from_offset: Offset = 0) -> AsyncIterator[Event]:
        """Every event there is now from an offset on, page by page; ends at the end."""
        position = from_offset
        while True:
            page = await self.consume(stream, subscriber_id, position, PAGE)
            for event in page:
                yield event
            if not page:
                return
            position = page[-1].offset + 1

    def follow(self, stream: str, subscriber_id: str, from_offset: Offset = 0) -> AsyncFeed[Event]:
        """Every event from an offset on, and each one that is published from now on, without end.

        When the connection breaks it goes on behind the last event it gave out. It ends with an error when the stream
        is deleted, was made anew meanwhile, or lost events to retention that were not read yet.
        """
        return AsyncFeed(
            self._transport,
            "stream.listen",
            f"/stream/{quote(stream, safe='')}/sse",
            {"subscriber_id": subscriber_id, "from_offset": str(offset(from_offset))},
            lambda wire: Event.live(stream, wire),
            AsyncGeneration(self, stream).check,
        )


class AsyncGeneration:
    """Sees that a stream is still the one it was: a new one of the same name counts from 0 again."""

    def __init__(self, streams: AsyncStream, stream: str) -> None:
        self._streams = streams
        self._stream = stream
        self._known: Optional[int] = None

    async def check(self) -> None:
        generation = (await self._streams.stats(self._stream)).generation
        if self._known is None:
            self._known = generation
        if generation != self._known:
            raise SynapError(
                f"stream {self._stream} was made anew while it was followed, and counts from 0 again; "
                "follow it from offset 0.",
                400,
            )


def creation(
    stream: str,
    partitions: int,
    retention_hours: Optional[float],
    max_events: Optional[int],
    max_bytes: Optional[int],
) -> Dict[str, Any]:
    if partitions != 1:
        raise ValueError('a stream has 1 partition; for more make a topic, with client.call("topic.create", ...)')
    payload: Dict[str, Any] = {"room": stream}
    if retention_hours is not None:
        if retention_hours < 0:
            raise ValueError("retention_hours is 0 or more")
        payload["retention_secs"] = max(round(retention_hours * 3600), 1) if retention_hours > 0 else 0
    if max_events is not None:
        payload["max_events"] = whole(max_events, "max_events")
    if max_bytes is not None:
        payload["max_bytes"] = whole(max_bytes, "max_bytes")
    return payload


def offset(value: Offset) -> Offset:
    return value if value in ("earliest", "latest") else whole(value, "from_offset")  # type: ignore[arg-type]

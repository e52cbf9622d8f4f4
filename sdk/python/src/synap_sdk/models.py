"""What calls answer. All are plain data and compare by value."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional


@dataclass(frozen=True)
class Message:
    """A queue message that this consumer holds until ``deadline`` (Unix seconds)."""

    message_id: str
    payload: bytes
    priority: int
    retry_count: int
    max_retries: int
    headers: Dict[str, str]
    timestamp: Optional[int] = None
    deadline: Optional[int] = None

    @classmethod
    def read(cls, wire: Mapping[str, Any]) -> Message:
        return cls(
            message_id=wire["id"],
            payload=bytes(wire["payload"]),
            priority=wire["priority"],
            retry_count=wire["retry_count"],
            max_retries=wire["max_retries"],
            headers=wire.get("headers") or {},
            timestamp=wire.get("timestamp"),
            deadline=wire.get("deadline"),
        )


@dataclass(frozen=True)
class DeadLetter:
    """A message that used up its retries, or was rejected."""

    message_id: str
    payload: bytes
    priority: int
    retry_count: int
    max_retries: int
    headers: Dict[str, str]
    timestamp: int
    died_at: int
    reason: str
    consumer_id: str

    @classmethod
    def read(cls, wire: Mapping[str, Any]) -> DeadLetter:
        return cls(
            message_id=wire["id"],
            payload=bytes(wire["payload"]),
            priority=wire["priority"],
            retry_count=wire["retry_count"],
            max_retries=wire["max_retries"],
            headers=wire["headers"],
            timestamp=wire["timestamp"],
            died_at=wire["died_at"],
            reason=wire["reason"],
            consumer_id=wire["consumer_id"],
        )


@dataclass(frozen=True)
class QueueStats:
    """``depth`` is now, ``consumers`` hold a message now, the others count since the queue was made."""

    depth: int
    consumers: int
    published: int
    consumed: int
    acked: int
    nacked: int
    dead_lettered: int

    @classmethod
    def read(cls, wire: Mapping[str, Any]) -> QueueStats:
        return cls(**{name: wire[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Event:
    """An event of a stream. ``data`` is what was published; ``timestamp`` is in Unix seconds."""

    offset: int
    event: str
    data: Any
    id: str
    timestamp: int
    metadata: Dict[str, str]
    room: str

    @classmethod
    def read(cls, wire: Mapping[str, Any]) -> Event:
        """From the answer of a read, where data is the bytes of its JSON text."""
        return cls.live(wire["room"], {**wire, "data": json.loads(bytes(wire["data"]))})

    @classmethod
    def live(cls, room: str, wire: Mapping[str, Any]) -> Event:
        """From a live feed, where data is JSON."""
        return cls(
            offset=wire["offset"],
            event=wire["event"],
            data=wire["data"],
            id=wire["id"],
            timestamp=wire["timestamp"],
            metadata=wire.get("metadata") or {},
            room=room,
        )


@dataclass(frozen=True)
class StreamStats:
    """What a stream holds. Times are Unix milliseconds; ``generation`` grows whenever the stream was made anew."""

    name: str
    message_count: int
    min_offset: int
    max_offset: int
    subscriber_count: int
    total_published: int
    total_consumed: int
    dropped: int
    created_at: int
    generation: int

    @classmethod
    def read(cls, wire: Mapping[str, Any]) -> StreamStats:
        return cls(**{name: wire[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class PubSubMessage:
    """A published message, as a subscriber sees it."""

    topic: str
    message: Any
    message_id: str
    timestamp: int
    metadata: Dict[str, str]

    @classmethod
    def read(cls, wire: Mapping[str, Any]) -> PubSubMessage:
        return cls(
            topic=wire["topic"],
            message=wire["payload"],
            message_id=wire["message_id"],
            timestamp=wire["timestamp"],
            metadata=wire.get("metadata") or {},
        )


@dataclass(frozen=True)
class KeyChange:
    """A change of a watched key. ``value`` is the new text where there is one, ``None`` also when it was too large
    (``truncated``)."""

    key: str
    event: str
    version: int
    value: Optional[str]
    truncated: bool

    @classmethod
    def read(cls, wire: Mapping[str, Any]) -> KeyChange:
        payload = wire["payload"]
        return cls(
            key=payload["key"],
            event=payload["event"],
            version=payload["version"],
            value=payload.get("value"),
            truncated=payload.get("truncated", False),
        )

# Made by generate.py from synap_sdk/_async/queue.py; change that file instead.
"""Work queues."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Union

from .._core.values import octets
from ..models import DeadLetter, Message, QueueStats
from ._runtime import Handler
from .kv import mapping, whole
from .transport import Transport
from .worker import Worker

Payload = Union[bytes, bytearray, memoryview, str]


class Acked(NamedTuple):
    """``missing`` were not in flight."""

    acked: int
    missing: List[str]


class DeadPage(NamedTuple):
    """``next`` goes on behind this page; ``None`` at the end."""

    messages: List[DeadLetter]
    next: Optional[int]


class Queue:
    """Queues that deliver each message at least once: consumed, it has to be acknowledged before its deadline."""

    def __init__(self, transport: Transport) -> None:
        self._call = transport.call
        self._transport = transport

    def create(
        self,
        name: str,
        max_depth: Optional[int] = None,
        ack_deadline_secs: Optional[int] = None,
        default_max_retries: Optional[int] = None,
        default_priority: Optional[int] = None,
        prefetch_limit: Optional[int] = None,
        dedupe_window_ms: Optional[int] = None,
        durability: Optional[str] = None,
    ) -> None:
        """Makes a queue; does nothing, and changes nothing, when it exists. What is not given is as the server has it.

        ``durability="sync"``: changes of this queue are answered only once they are on disk.
        """
        given = {
            "max_depth": max_depth,
            "ack_deadline_secs": ack_deadline_secs,
            "default_max_retries": default_max_retries,
            "default_priority": default_priority,
            "prefetch_limit": prefetch_limit,
            "dedupe_window_ms": dedupe_window_ms,
        }
        config: Dict[str, Any] = {field: whole(value, field) for field, value in given.items() if value is not None}
        if durability is not None:
            if durability not in ("server", "sync"):
                raise ValueError(f'durability is "server" or "sync"; got {durability!r}')
            config["durability"] = durability
        self._call(
            "queue.create", {"name": name, "config": config}, lambda done: done["success"], repeatable=True
        )

    def delete(self, queue: str) -> bool:
        """Deletes a queue with everything in it; whether there was one. It may be tried twice, and then tells of the
        second time."""
        return self._call("queue.delete", {"queue": queue}, lambda done: bool(done["deleted"]), repeatable=True)

    def list(self) -> List[str]:
        """The names of all queues."""
        return self._call("queue.list", {}, lambda done: [*done["queues"]], repeatable=True)

    def stats(self, queue: str) -> QueueStats:
        return self._call("queue.stats", {"queue": queue}, QueueStats.read, repeatable=True)

    def detail(self, queue: str) -> Mapping[str, Any]:
        """How a queue is configured and what it holds."""
        return self._call("queue.detail", {"queue": queue}, mapping, repeatable=True)

    def explain(self, queue: str, message_id: str) -> Mapping[str, Any]:
        """Why a message is not moving: its state, holder, deadline, attempts and next event."""
        return self._call("queue.explain", {"queue": queue, "message_id": message_id}, mapping, repeatable=True)

    def purge(self, queue: str) -> int:
        """Drops the ready messages; how many."""
        return self._call("queue.purge", {"queue": queue}, lambda done: int(done["purged"]), repeatable=False)

    def publish(
        self,
        queue: str,
        payload: Payload,
        priority: Optional[int] = None,
        max_retries: Optional[int] = None,
        *,
        headers: Optional[Mapping[str, str]] = None,
        delay: Optional[float] = None,
        message_key: Optional[str] = None,
    ) -> str:
        """Puts a message into a queue; its id.

        ``priority`` 0 to 9, more is more urgent. ``delay``: seconds before it may be consumed. ``message_key``: two
        publishes with one key within the queue's window (five minutes) are one message; with it, a publish whose
        answer was lost is tried again by itself.
        """
        sent = message(payload, priority, max_retries, headers, delay, message_key)
        return self._call(
            "queue.publish",
            {"queue": queue, **sent},
            lambda done: text(done["message_id"]),
            repeatable=message_key is not None,
        )

    def publish_batch(self, queue: str, payloads: Sequence[Payload], priority: Optional[int] = None) -> List[str]:
        """Puts up to 1,000 messages into a queue, all or none; their ids."""
        messages = [message(payload, priority) for payload in payloads]
        return self._call(
            "queue.publish_batch",
            {"queue": queue, "messages": messages},
            lambda done: [*done["message_ids"]],
            repeatable=False,
        )

    def consume(self, queue: str, consumer_id: str, *, wait: float = 0.0) -> Optional[Message]:
        """The next message, or ``None`` when there is none within ``wait`` seconds (60 at most).

        Acknowledge it before its deadline, or it is delivered again. A queue that does not exist has no messages.
        """
        payload = {"queue": queue, "consumer_id": consumer_id, **waiting(wait)}
        return self._call("queue.consume", payload, optional_message, repeatable=True, wait=wait)

    def consume_batch(self, queue: str, consumer_id: str, max: int = 10, *, wait: float = 0.0) -> List[Message]:
        """Up to ``max`` messages; an empty list when there are none within ``wait`` seconds."""
        payload = {"queue": queue, "consumer_id": consumer_id, "max": max, **waiting(wait)}
        return self._call(
            "queue.consume_batch",
            payload,
            lambda done: [Message.read(one) for one in done["messages"]],
            repeatable=True,
            wait=wait,
        )

    def ack(self, queue: str, message_id: str) -> None:
        """Confirms a message: it is done and gone. An error with status 404 when it is no longer in flight."""
        payload = {"queue": queue, "message_id": message_id}
        self._call("queue.ack", payload, lambda done: done["success"], repeatable=False)

    def ack_batch(self, queue: str, message_ids: Sequence[str]) -> Acked:
        """Confirms up to 1,000 messages."""
        return self._call(
            "queue.ack_batch",
            {"queue": queue, "message_ids": [*message_ids]},
            lambda done: Acked(int(done["acked"]), [*done["missing"]]),
            repeatable=False,
        )

    def nack(self, queue: str, message_id: str, requeue: bool = True) -> None:
        """Gives a message back: to be delivered again, or to the dead letters."""
        payload = {"queue": queue, "message_id": message_id, "requeue": requeue}
        self._call("queue.nack", payload, lambda done: done["success"], repeatable=False)

    def extend(self, queue: str, message_id: str, seconds: float) -> None:
        """Moves the deadline of a message in flight to ``seconds`` from now."""
        payload = {"queue": queue, "message_id": message_id, "ms": millis(seconds)}
        self._call("queue.extend", payload, lambda done: done["success"], repeatable=True)

    def dead(self, queue: str, after: Optional[int] = None, limit: int = 100) -> DeadPage:
        """A page of dead letters, the oldest first; ``after`` is ``next`` of the page before."""
        payload: Dict[str, Any] = {"queue": queue, "limit": limit}
        if after is not None:
            payload["after"] = after
        return self._call(
            "queue.dead.list",
            payload,
            lambda done: DeadPage([DeadLetter.read(one) for one in done["messages"]], done["next"]),
            repeatable=True,
        )

    def dead_replay(self, queue: str, message_ids: Optional[Sequence[str]] = None) -> List[str]:
        """Makes dead letters ready again: those named, or the oldest 1,000; the ids of those that were."""
        payload: Dict[str, Any] = {"queue": queue}
        if message_ids is not None:
            payload["message_ids"] = [*message_ids]
        return self._call("queue.dead.replay", payload, lambda done: [*done["replayed"]], repeatable=False)

    def dead_purge(self, queue: str) -> int:
        """Drops all dead letters; how many."""
        return self._call(
            "queue.dead.purge", {"queue": queue}, lambda done: int(done["purged"]), repeatable=False
        )

    def worker(
        self, queue: str, handler: Handler, *, consumer_id: Optional[str] = None, concurrency: int = 1
    ) -> Worker:
        """Handles the messages of a queue: ``handler(message)`` is called for each, ``concurrency`` at a time.

        A handler that returns acknowledges, one that raises gives the message back, one that raises ``Reject`` sends it
        to the dead letters. Leases are renewed for as long as a handler runs. When the server goes away the worker
        waits for it, and settles what it has handled meanwhile.
        """
        return Worker(self._transport, queue, handler, consumer_id, concurrency)


def message(
    payload: Payload,
    priority: Optional[int] = None,
    max_retries: Optional[int] = None,
    headers: Optional[Mapping[str, str]] = None,
    delay: Optional[float] = None,
    message_key: Optional[str] = None,
) -> Dict[str, Any]:
    """A message as it is sent, without what is not given."""
    sent: Dict[str, Any] = {"payload": octets(payload)}
    if priority is not None:
        sent["priority"] = whole(priority, "priority")
    if max_retries is not None:
        sent["max_retries"] = whole(max_retries, "max_retries")
    if headers is not None:
        sent["headers"] = texts(headers, "headers")
    if delay is not None:
        sent["delay_ms"] = millis(delay)
    if message_key is not None:
        sent["message_key"] = message_key
    return sent


def texts(members: Mapping[str, str], name: str) -> Dict[str, str]:
    """The server leaves out what is not text, so it is stopped here."""
    for key, value in members.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"{name} map text to text; got {key!r}: {value!r}")
    return {**members}


def millis(seconds: float) -> int:
    if seconds < 0:
        raise ValueError(f"seconds must be 0 or more; got {seconds}")
    return round(seconds * 1000)


def waiting(wait: float) -> Dict[str, int]:
    return {} if wait == 0 else {"wait_ms": millis(wait)}


def optional_message(done: Any) -> Optional[Message]:
    found = done["message"]
    return None if found is None else Message.read(found)


def text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise TypeError

"""Server-sent events: bytes in, events out."""

from __future__ import annotations

from typing import List, NamedTuple, Optional

LARGEST_EVENT = 64 * 1024 * 1024


class ServerEvent(NamedTuple):
    """``name`` is ``message`` for events that are not named."""

    name: str
    data: str
    id: Optional[str]


class SseParser:
    """Takes pieces of a body as they arrive and gives the events that are complete."""

    def __init__(self) -> None:
        self._rest: List[bytes] = []
        self._size = 0
        self._clear()

    def _clear(self) -> None:
        self._name = ""
        self._data: List[str] = []
        self._id: Optional[str] = None

    def feed(self, piece: bytes) -> List[ServerEvent]:
        """Events completed by ``piece``; raises ``ValueError`` for one that never ends."""
        self._rest.append(piece)
        self._size += len(piece)
        if self._size > LARGEST_EVENT:
            raise ValueError("an event is larger than 64 MiB")
        if b"\n" not in piece and b"\r" not in piece:
            return []
        held = b"".join(self._rest)
        end = b"\r" if held.endswith(b"\r") else b""  # its newline may be in the next piece
        held = held[: len(held) - len(end)].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = held.split(b"\n")
        self._rest = [rest + end]
        self._size = len(self._rest[0])
        events = []
        for line in lines:
            if line == b"":
                if self._data:
                    events.append(ServerEvent(self._name or "message", "\n".join(self._data), self._id))
                self._clear()
            elif not line.startswith(b":"):
                self._field(line)
        return events

    def _field(self, line: bytes) -> None:
        name, _, value = line.decode("utf-8", "replace").partition(":")
        value = value[1:] if value.startswith(" ") else value
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._name = value
        elif name == "id" and "\0" not in value:
            self._id = value

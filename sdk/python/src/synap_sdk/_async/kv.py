"""Key-value calls."""

from __future__ import annotations

from typing import Any, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

from .._core import values
from ..models import KeyChange
from .feed import AsyncFeed
from .transport import AsyncTransport

Pairs = Union[Mapping[str, Any], Iterable[Tuple[str, Any]]]


class AsyncKV:
    """Text and JSON under keys.

    A ``str`` is stored as it is, any other JSON value as its compact text. ``get`` gives back what the text means as
    JSON, so numbers, lists and dicts come back as they were; a ``str`` that itself reads as JSON, such as ``"42"``,
    comes back as what it reads as. ``get_text`` and ``get_bytes`` give what is stored, untouched.
    """

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport
        self._call = transport.call

    async def set(self, key: str, value: Any, ttl: Optional[int] = None) -> None:
        """Sets a key. ``ttl``: whole seconds to live; without it the key stays. A TTL of 0 ends it at once."""
        payload = {"key": key, "value": values.stored(value)}
        if ttl is not None:
            payload["ttl"] = whole(ttl, "ttl")
        await self._call("kv.set", payload, lambda done: done["success"], repeatable=True)

    async def get(self, key: str) -> Any:
        """The value of a key; ``None`` when there is none. Bytes that are no text come as ``bytes``."""
        text = await self._call("kv.get", {"key": key}, optional_text, repeatable=True)
        if text is not None and text.startswith(values.BINARY_SIGN):
            stored = await self.get_bytes(key)
            try:
                text = None if stored is None else stored.decode("utf-8")
            except UnicodeDecodeError:
                return stored
        return values.read(text)

    async def get_text(self, key: str) -> Optional[str]:
        """The stored text as it is; ``None`` without such a key. Raises ``UnicodeDecodeError`` for other bytes."""
        stored = await self.get_bytes(key)
        return None if stored is None else stored.decode("utf-8")

    async def get_bytes(self, key: str) -> Optional[bytes]:
        """The stored bytes; ``None`` when there is no such key."""
        return await self._call("kv.get", {"key": key, "type": "bytes"}, optional_bytes, repeatable=True)

    async def delete(self, key: str) -> bool:
        """Deletes a key; whether there was one. It may be tried twice, and then tells of the second time."""
        return await self._call("kv.del", {"key": key}, lambda done: bool(done["deleted"]), repeatable=True)

    async def exists(self, key: str) -> bool:
        return await self._call("kv.exists", {"key": key}, lambda done: bool(done["exists"]), repeatable=True)

    async def mset(self, pairs: Pairs) -> None:
        """Sets several keys, all or none; pairs of key and value, or a mapping."""
        await self._call("kv.mset", {"pairs": paired(pairs)}, lambda done: done["success"], repeatable=True)

    async def msetnx(self, pairs: Pairs) -> bool:
        """Sets several keys if none of them exists; whether it did."""
        return await self._call(
            "kv.msetnx", {"pairs": paired(pairs)}, lambda done: bool(done["success"]), repeatable=False
        )

    async def mget(self, keys: Sequence[str]) -> List[Any]:
        """The values of several keys in their order; ``None`` for a missing one."""
        wanted = list(keys)

        def read(done: Any) -> List[Any]:
            found: List[Any] = done["values"]
            if len(found) != len(wanted):
                raise ValueError
            return found

        return await self._call("kv.mget", {"keys": wanted}, read, repeatable=True)

    async def mdelete(self, keys: Sequence[str]) -> int:
        """Deletes several keys; how many there were. It may be tried twice, and then tells of the second time."""
        return await self._call("kv.mdel", {"keys": list(keys)}, lambda done: int(done["deleted"]), repeatable=True)

    async def incr(self, key: str) -> int:
        """Adds 1 to a number, from 0 when the key is missing; the new value."""
        return await self.incrby(key, 1)

    async def incrby(self, key: str, amount: int) -> int:
        return await self._call(
            "kv.incr",
            {"key": key, "amount": whole(amount, "amount")},
            lambda done: int(done["value"]),
            repeatable=False,
        )

    async def decr(self, key: str) -> int:
        """Takes 1 from a number, from 0 when the key is missing; the new value."""
        return await self.decrby(key, 1)

    async def decrby(self, key: str, amount: int) -> int:
        return await self._call(
            "kv.decr",
            {"key": key, "amount": whole(amount, "amount")},
            lambda done: int(done["value"]),
            repeatable=False,
        )

    async def expire(self, key: str, ttl: int) -> bool:
        """Lets a key live ``ttl`` more seconds; whether there is such a key."""
        return await self._call(
            "kv.expire", {"key": key, "ttl": whole(ttl, "ttl")}, lambda done: bool(done["result"]), repeatable=True
        )

    async def ttl(self, key: str) -> Optional[int]:
        """Whole seconds a key still lives, ``None`` when it stays; an error with status 404 when there is none."""
        return await self._call("kv.ttl", {"key": key}, lambda done: optional_int(done["ttl"]), repeatable=True)

    async def persist(self, key: str) -> bool:
        """Lets a key stay; whether it had a TTL."""
        return await self._call("kv.persist", {"key": key}, lambda done: bool(done["result"]), repeatable=False)

    async def append(self, key: str, value: Any) -> int:
        """Adds text at the end of a value; the length in bytes after."""
        return await self._call(
            "kv.append", {"key": key, "value": values.stored(value)}, lambda done: int(done["length"]), repeatable=False
        )

    async def getset(self, key: str, value: Any) -> Any:
        """Sets a key and gives its previous value, ``None`` when there was none."""
        payload = {"key": key, "value": values.stored(value)}
        return await self._call("kv.getset", payload, lambda text: values.read(optional_text(text)), repeatable=False)

    async def strlen(self, key: str) -> int:
        """Bytes of the stored text; 0 when there is no such key."""
        return await self._call("kv.strlen", {"key": key}, lambda done: int(done["length"]), repeatable=True)

    async def scan(self, prefix: str = "", limit: int = 100) -> List[str]:
        """Up to ``limit`` keys that begin with ``prefix``, in no particular order."""
        return await self._call(
            "kv.scan", {"prefix": prefix, "limit": limit}, lambda done: list(done["keys"]), repeatable=True
        )

    async def keys(self, pattern: str = "*") -> List[str]:
        """Keys that a pattern with ``*``, ``?`` and ``[..]`` covers, in no particular order; 100,000 at most."""
        return await self._call("kv.keys", {"pattern": pattern}, lambda done: list(done["keys"]), repeatable=True)

    async def dbsize(self) -> int:
        """How many keys there are."""
        return await self._call("kv.dbsize", {}, lambda done: int(done["size"]), repeatable=True)

    async def stats(self) -> Mapping[str, Any]:
        return await self._call("kv.stats", {}, mapping, repeatable=True)

    def watch(self, keys: Sequence[str]) -> AsyncFeed[KeyChange]:
        """Changes of these keys, from now on. Keys may be patterns as in pub/sub, split at dots; none has a comma.

        Changes while the connection is being made anew are not seen: read the keys again when ``reconnects`` grew.
        """
        return AsyncFeed(self._transport, "kv.watch", "/kv/sse", {"keys": listed(keys, "key")}, KeyChange.read)


def listed(names: Sequence[str], what: str) -> str:
    """Names as one query parameter."""
    if isinstance(names, str):
        raise TypeError(f"give a list of {what}s, not one string")
    if not names or any(name == "" or "," in name for name in names):
        raise ValueError(f"at least one {what} is needed, and none may be empty or contain a comma")
    return ",".join(names)


def paired(pairs: Pairs) -> List[Mapping[str, Any]]:
    items = pairs.items() if isinstance(pairs, Mapping) else pairs
    return [{"key": key, "value": values.stored(value)} for key, value in items]


def whole(number: int, name: str) -> int:
    """The server takes a number of the wrong kind for none at all, so it is stopped here."""
    if not isinstance(number, int) or isinstance(number, bool):
        raise TypeError(f"{name} must be a whole number; got {number!r}")
    if name != "amount" and number < 0:
        raise ValueError(f"{name} must be 0 or more; got {number}")
    return number


def optional_text(value: Any) -> Optional[str]:
    if value is None or isinstance(value, str):
        return value
    raise TypeError


def optional_bytes(value: Any) -> Optional[bytes]:
    return None if value is None else bytes(list(value))


def optional_int(value: Any) -> Optional[int]:
    return None if value is None else int(value)


def mapping(value: Any) -> Mapping[str, Any]:
    if isinstance(value, dict):
        return value
    raise TypeError

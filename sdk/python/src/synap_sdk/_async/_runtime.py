"""What a shell needs of its world: time, waiting, and things that run beside each other. Here: asyncio."""

from __future__ import annotations

import asyncio
import inspect
import time
from contextlib import suppress
from typing import Any, Awaitable, Callable, Optional, Union

import httpx

monotonic = time.monotonic
Handler = Callable[..., Union[Awaitable[Any], Any]]


class AsyncSignal:
    """Something that happens once and may be waited for."""

    def __init__(self) -> None:
        self._happened = False
        self._event: Optional[asyncio.Event] = None  # made by who waits: old Pythons tie it to a loop

    def set(self) -> None:
        self._happened = True
        if self._event is not None:
            self._event.set()

    def is_set(self) -> bool:
        return self._happened

    async def wait(self, seconds: Optional[float] = None) -> bool:
        """Whether it has happened, at the latest after ``seconds``."""
        if not self._happened:
            self._event = self._event or asyncio.Event()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._event.wait(), seconds)
        return self._happened


class AsyncBeside:
    """A loop that runs beside the caller, and is not cancelled with it."""

    def __init__(self, loop: Callable[[], Awaitable[None]]) -> None:
        self._task: asyncio.Future[None] = asyncio.ensure_future(loop())

    def is_current(self) -> bool:
        """Whether the caller is called by the loop."""
        return asyncio.current_task() is self._task

    async def join(self) -> None:
        await asyncio.shield(self._task)


async def sleep(seconds: float) -> None:
    await asyncio.sleep(seconds)


async def handled(handler: Handler, argument: Any) -> Any:
    result = handler(argument)
    return await result if inspect.isawaitable(result) else result


def interrupt(response: httpx.Response) -> None:
    """Lets a read that waits on ``response`` end now."""
    network = response.extensions.get("network_stream")
    socket = network.get_extra_info("socket") if network is not None else None
    if socket is not None:
        with suppress(OSError):
            socket.shutdown(2)

"""What a shell needs of its world: time, waiting, and things that run beside each other. Here: threads."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Any, Callable, Optional

import httpx

monotonic = time.monotonic
sleep = time.sleep
Handler = Callable[..., Any]


class Signal:
    """Something that happens once and may be waited for."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        self._event.set()

    def is_set(self) -> bool:
        return self._event.is_set()

    def wait(self, seconds: Optional[float] = None) -> bool:
        """Whether it has happened, at the latest after ``seconds``."""
        return self._event.wait(seconds)


class Beside:
    """A loop that runs beside the caller. A process that ends does not wait for it."""

    def __init__(self, loop: Callable[[], None]) -> None:
        self._failure: Optional[BaseException] = None
        self._loop = loop
        self._thread = threading.Thread(target=self._run, name="synap_sdk", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._loop()
        except BaseException as error:
            self._failure = error

    def is_current(self) -> bool:
        """Whether the caller is called by the loop."""
        return threading.current_thread() is self._thread

    def join(self) -> None:
        self._thread.join()
        if self._failure is not None:
            raise self._failure


def handled(handler: Handler, argument: Any) -> Any:
    return handler(argument)


def interrupt(response: httpx.Response) -> None:
    """Lets a read that waits on ``response`` end now."""
    network = response.extensions.get("network_stream")
    socket = network.get_extra_info("socket") if network is not None else None
    if socket is not None:
        with suppress(OSError):
            socket.shutdown(2)

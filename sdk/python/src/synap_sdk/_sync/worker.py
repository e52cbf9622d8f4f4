# Made by generate.py from synap_sdk/_async/worker.py; change that file instead.
"""A loop that consumes, renews leases, and settles: the part of a job queue that everybody writes, and writes wrong."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any, Dict, List, Optional
from uuid import uuid4

from .._core.leases import Leases
from .._core.retry import backoff
from ..errors import Reject, SynapError
from ..models import Message
from ._runtime import Beside, Signal, Handler, handled, monotonic, sleep
from .transport import Transport

LOG = logging.getLogger("synap_sdk")

#: Seconds that one consume waits for a message; also the longest that stopping takes when there is nothing to do.
POLL_SECONDS = 2.0
#: The lease that is assumed when the queue does not tell its own.
USUAL_LEASE = 30.0
#: Attempts to settle a message while the worker is being stopped and the server is away.
LAST_ATTEMPTS = 3


class Worker:
    """Made by ``queue.worker``. Call ``run``, or use it as a context: it then works beside the block.

    Attributes:
        acked: messages handled and confirmed.
        nacked: messages given back or rejected, because the handler raised.
        lost: messages handled too late, which will be or were delivered again.
    """

    def __init__(
        self, transport: Transport, queue: str, handler: Handler, consumer_id: Optional[str], concurrency: int
    ) -> None:
        if concurrency < 1:
            raise ValueError("concurrency must be 1 or more")
        self.queue = queue
        self.consumer_id = consumer_id or f"worker-{uuid4()}"
        self.acked = 0
        self.nacked = 0
        self.lost = 0
        self._call = transport.call
        self._handler = handler
        self._concurrency = concurrency
        self._stopping = Signal()
        self._finished = Signal()
        self._leases = Leases(USUAL_LEASE)
        self._lease_known = False
        self._loops: List[Beside] = []

    def run(self) -> None:
        """Works until ``stop`` is called. Raises ``SynapError`` for what waiting cannot mend, such as a 401."""
        self.start()
        self._join()

    def start(self) -> None:
        """Begins to work beside the caller."""
        if self._loops:
            raise RuntimeError("this worker was started before; make a new one")
        self._loops = [Beside(self._work) for _ in range(self._concurrency)]
        self._loops.append(Beside(self._renew))

    def stop(self) -> None:
        """Takes no more messages, and waits until those in hand are settled; not in a handler, whose message is one of
        them."""
        self._stopping.set()
        if not any(loop.is_current() for loop in self._loops):
            self._join()

    def _join(self) -> None:
        *workers, renewer = self._loops
        try:
            for loop in workers:
                loop.join()
        except BaseException:  # interrupted, or one of them failed: the others still settle what they have in hand
            self._stopping.set()
            for loop in workers:
                with suppress(Exception):
                    loop.join()
            raise
        finally:
            self._stopping.set()
            self._finished.set()
            renewer.join()

    def __enter__(self) -> Worker:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _work(self) -> None:
        failures = 0
        try:
            while not self._stopping.is_set():
                try:
                    message = self._next()
                    failures = 0
                except SynapError as error:
                    if not error.retryable:
                        raise
                    LOG.warning("worker of %s: %s", self.queue, error.message)
                    self._lease_known = False  # the queue may come back with another deadline
                    self._stopping.wait(backoff(failures))
                    failures += 1
                    continue
                if message is not None:
                    self._handle(message)
        except BaseException:
            self._stopping.set()
            raise

    def _next(self) -> Optional[Message]:
        payload = {"queue": self.queue, "consumer_id": self.consumer_id, "wait_ms": round(POLL_SECONDS * 1000)}
        return self._call("queue.consume", payload, consumed, repeatable=True, wait=POLL_SECONDS, retries=0)

    def _handle(self, message: Message) -> None:
        received = monotonic()
        if not self._lease_known:
            self._learn()
        leases = self._leases
        leases.take(message.message_id, received)
        try:
            handled(self._handler, message)
        except Reject as rejection:
            LOG.info("message %s of %s rejected: %s", message.message_id, self.queue, rejection)
            self._give_back(message, requeue=False)
        except Exception:
            LOG.exception("message %s of %s failed and goes back", message.message_id, self.queue)
            self._give_back(message, requeue=True)
        else:
            self._confirm(message)
        finally:
            leases.drop(message.message_id)

    def _learn(self) -> None:
        """Asks for the seconds that the queue gives for a message."""
        try:
            self._leases.length = self._call("queue.detail", {"queue": self.queue}, configured, repeatable=True)
        except SynapError as error:
            LOG.info("worker of %s assumes a lease of %g s: %s", self.queue, self._leases.length, error.message)
        self._lease_known = True

    def _confirm(self, message: Message) -> None:
        """Acknowledges, for as long as the lease holds. An attempt whose answer was lost counts when the next one
        finds the message gone."""
        attempt = 0
        uncertain = False
        while True:
            try:
                self._settle("queue.ack", message, {})
                self.acked += 1
                return
            except SynapError as error:
                if error.status_code == 404 and uncertain:
                    self.acked += 1
                    return
                uncertain = uncertain or error.unknown
                last = self._stopping.is_set() and attempt >= LAST_ATTEMPTS
                if not error.retryable or last or not self._leases.held(message.message_id, monotonic()):
                    self.lost += 1
                    LOG.warning(
                        "message %s of %s was handled but not confirmed: %s",
                        message.message_id,
                        self.queue,
                        error.message,
                    )
                    return
            sleep(backoff(attempt))
            attempt += 1

    def _give_back(self, message: Message, requeue: bool) -> None:
        """Gives back, or rejects. Not repeated when an answer was lost: that could take it from its next consumer, and
        it comes back at its deadline anyway."""
        attempt = 0
        while True:
            try:
                self._settle("queue.nack", message, {"requeue": requeue})
                self.nacked += 1
                return
            except SynapError as error:
                last = self._stopping.is_set() and attempt >= LAST_ATTEMPTS
                if (
                    not error.retryable
                    or error.unknown
                    or last
                    or not self._leases.held(message.message_id, monotonic())
                ):
                    self.lost += 1
                    LOG.warning(
                        "message %s of %s could not be given back: %s", message.message_id, self.queue, error.message
                    )
                    return
            sleep(backoff(attempt))
            attempt += 1

    def _settle(self, command: str, message: Message, more: Dict[str, Any]) -> None:
        payload = {"queue": self.queue, "message_id": message.message_id, **more}
        self._call(command, payload, lambda done: done["success"], repeatable=False, retries=0)

    def _renew(self) -> None:
        """Keeps the deadlines of what is being handled ahead of time."""
        leases = self._leases
        while not self._finished.is_set():
            self._finished.wait(leases.sleep(monotonic()) if self._lease_known else 0.1)
            for message_id in leases.lost(monotonic()):
                LOG.warning("lease of message %s of %s ran out", message_id, self.queue)
            for message_id in leases.due(monotonic()):
                self._extend(message_id)

    def _extend(self, message_id: str) -> None:
        leases = self._leases
        asked = monotonic()
        payload = {"queue": self.queue, "message_id": message_id, "ms": round(leases.length * 1000)}
        try:
            self._call("queue.extend", payload, lambda done: done["success"], repeatable=True, retries=0)
            leases.renewed(message_id, asked)
        except SynapError as error:
            if error.retryable:
                leases.postpone(message_id, monotonic())
            elif leases.held(message_id, monotonic()):
                leases.drop(message_id)
                LOG.warning("lease of message %s of %s cannot be renewed: %s", message_id, self.queue, error.message)


def consumed(done: Any) -> Optional[Message]:
    found = done["message"]
    return None if found is None else Message.read(found)


def configured(detail: Any) -> float:
    return float(detail["config"]["ack_deadline_secs"])

"""The one exception of the SDK, and the one way a handler refuses a message."""

from __future__ import annotations

from typing import Optional


class SynapError(Exception):
    """A call that did not succeed. Nothing is ever answered in its place.

    Attributes:
        message: what happened, and what to do about it.
        status_code: the HTTP status that belongs to the failure; ``None`` when there was no answer at all.
        detail: the server's own words, where it said anything.
        retryable: whether the same call may well succeed later.
        unknown: whether the call may have taken effect although it failed, because its answer was lost.
    """

    def __init__(
        self,
        message: str,
        status_code: Optional[int] = None,
        *,
        detail: Optional[str] = None,
        retryable: bool = False,
        unknown: bool = False,
        retry_after: Optional[float] = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status_code = status_code
        self.detail = detail
        self.retryable = retryable
        self.unknown = unknown
        self._retry_after = retry_after


class Reject(Exception):
    """Raised by a worker's handler: this message is hopeless, move it to the dead letters without another try."""

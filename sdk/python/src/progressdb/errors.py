"""The one exception of this module."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """A call that did not succeed.

    Attributes:
        status: the HTTP status; 0 when there was no answer at all.
        body: what the server said: a dict where it was JSON, else text; ``None`` without an answer.
    """

    def __init__(self, status: int, body: Any = None, advice: str = "") -> None:
        said = f"API error {status}: {body}" if status else "API error: no answer"
        super().__init__(f"{said}. {advice}" if advice else said)
        self.status = status
        self.body = body

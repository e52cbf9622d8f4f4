"""When a failed attempt is followed by another one, and after how long."""

from __future__ import annotations

import random
from typing import Optional

from ..errors import SynapError

FIRST = 0.1
LONGEST = 5.0
LONGEST_ASKED_FOR = 30.0


def backoff(attempt: int) -> float:
    """Seconds before attempt ``attempt + 1``: doubling from 0.1 to 5, of which a random half at least, so that many
    clients of a server that came back do not come all at once."""
    whole: float = min(LONGEST, FIRST * 2 ** min(attempt, 10))
    return whole * random.uniform(0.5, 1.0)


def delay(error: SynapError, attempt: int, retries: int, repeatable: bool) -> Optional[float]:
    """Seconds to wait before the next attempt, or ``None`` to give up.

    A call that certainly did nothing is tried again whatever it is; one whose answer was lost only when doing it
    twice is the same as doing it once.
    """
    if attempt >= retries or not error.retryable or (error.unknown and not repeatable):
        return None
    if error._retry_after is not None:
        return min(LONGEST_ASKED_FOR, max(error._retry_after, backoff(attempt)))
    return backoff(attempt)

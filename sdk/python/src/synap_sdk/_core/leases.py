"""Which messages a worker holds, and when the hold on each has to be renewed. Time is passed in, in seconds."""

from __future__ import annotations

from threading import Lock
from typing import Dict, List

#: Seconds after which a worker looks at its leases at the latest.
LONGEST_SLEEP = 1.0


class Leases:
    """Holds of ``length`` seconds each, renewed after a third of it, so that two renewals may fail. The length may
    change; it counts for what is taken or renewed from then on.

    Invariant: a lease that is not renewed in time is reported lost once, by ``lost``.
    """

    def __init__(self, length: float) -> None:
        self.length = length
        self._lock = Lock()
        self._until: Dict[str, float] = {}
        self._next: Dict[str, float] = {}

    def take(self, message_id: str, now: float) -> None:
        with self._lock:
            self._until[message_id] = now + self.length
            self._next[message_id] = now + self.length / 3

    def renewed(self, message_id: str, now: float) -> None:
        """A renewal asked for at ``now`` succeeded; it may have been dropped meanwhile."""
        with self._lock:
            if message_id in self._until:
                self._until[message_id] = now + self.length
                self._next[message_id] = now + self.length / 3

    def postpone(self, message_id: str, now: float) -> None:
        """A renewal failed: try again soon."""
        with self._lock:
            if message_id in self._next:
                self._next[message_id] = now + min(1.0, self.length / 10)

    def drop(self, message_id: str) -> None:
        with self._lock:
            self._until.pop(message_id, None)
            self._next.pop(message_id, None)

    def held(self, message_id: str, now: float) -> bool:
        with self._lock:
            return self._until.get(message_id, now) > now

    def due(self, now: float) -> List[str]:
        with self._lock:
            return [message_id for message_id, at in self._next.items() if at <= now]

    def lost(self, now: float) -> List[str]:
        with self._lock:
            gone = [message_id for message_id, until in self._until.items() if until <= now]
            for message_id in gone:
                del self._until[message_id], self._next[message_id]
            return gone

    def sleep(self, now: float) -> float:
        """Seconds until something is due; at most a third of a lease, because new messages come in."""
        with self._lock:
            soonest = min(self._next.values(), default=now + LONGEST_SLEEP)
        return max(0.01, min(soonest - now, self.length / 3, LONGEST_SLEEP))

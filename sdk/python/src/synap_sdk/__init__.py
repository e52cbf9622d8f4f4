"""Python SDK of synapd: key-value, work queues, event streams and pub/sub.

``SynapClient`` for threads, ``AsyncSynapClient`` for asyncio; both have the same names.
"""

from ._async.client import AsyncSynapClient
from ._core.version import VERSION as __version__
from .client import SynapClient
from .errors import Reject, SynapError
from .models import DeadLetter, Event, KeyChange, Message, PubSubMessage, QueueStats, StreamStats

__all__ = [
    "AsyncSynapClient",
    "DeadLetter",
    "Event",
    "KeyChange",
    "Message",
    "PubSubMessage",
    "QueueStats",
    "Reject",
    "StreamStats",
    "SynapClient",
    "SynapError",
    "__version__",
]

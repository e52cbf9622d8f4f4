"""Python backend SDK of the chat face: threads, messages, versions, reactions, and signatures for frontends."""

from .client import ApiError, AsyncProgressDBClient, ProgressDBClient
from .listing import Listing

__all__ = ["ApiError", "AsyncProgressDBClient", "Listing", "ProgressDBClient"]

"""The names under which the reference offers them too."""

from ._async.client import AsyncProgressDBClient
from ._sync.client import ProgressDBClient
from .errors import ApiError

__all__ = ["ApiError", "AsyncProgressDBClient", "ProgressDBClient"]

# Made by generate.py from progressdb/_async/client.py; change that file instead.
"""The backend client."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Optional, TypeVar, Union
from uuid import uuid4

import httpx

from synap_sdk._sync._runtime import sleep
from synap_sdk._core.tls import trusted

from .. import _core
from .._core import in_name_of, path, query, record, required
from ..errors import ApiError
from ..listing import Listing

T = TypeVar("T")


class ProgressDBClient:
    """Calls the chat face with a backend or admin key. Never give such a key to a browser.

    Args:
        base_url: where the server is, such as ``https://api.example.com``.
        api_key: a backend key; an admin key for the admin calls.
        timeout: seconds to wait for a connection, and for an answer.
        max_retries: further attempts when there was no answer, or 502, 503 or 504 (for reads 500 too). Writes carry an
            ``Idempotency-Key``, so that the server does them once however often they arrive.
    """

    def __init__(
        self, base_url: str = "", api_key: Optional[str] = None, timeout: float = 10, *, max_retries: int = 2
    ) -> None:
        self._settings = _core.settings(base_url, api_key, timeout, max_retries)
        self._http = httpx.Client(timeout=timeout, verify=trusted())

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> ProgressDBClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def request(
        self, method: str, path: str, body: Any = None, headers: Optional[Mapping[str, str]] = None
    ) -> Any:
        """Any call; its answer as JSON, ``None`` when it has none. ``path`` is sent as it is, but for an ``X-User-ID``
        that begins or ends beyond ASCII: that is added as ``author``, since servers may cut such a header."""
        return self._call(_core.anything, method.upper(), path, body, headers or {})

    def _call(
        self, made_of: Callable[[Any], T], method: str, target: str, body: Any, headers: Mapping[str, str]
    ) -> T:
        settings = self._settings
        target, given = _core.carried(target, {name.lower(): value for name, value in headers.items()})
        what = f"{method} {target}"
        own = {} if method in ("GET", "HEAD") else {"idempotency-key": str(uuid4())}
        sent = _core.encoded({**settings.headers, **own, **given})
        attempt = 0
        while True:
            try:
                try:
                    response = self._http.request(
                        method, settings.base_url + target, headers=sent, **({} if body is None else {"json": body})
                    )
                except httpx.HTTPError as error:
                    raise _core.unreachable(error, what, settings.base_url) from error
                parsed = _core.answer(response.status_code, response.headers, response.content, what)
                return _core.read(made_of, parsed, what)
            except ApiError as error:
                attempt += 1
                if attempt > settings.max_retries or not (error.status == 0 or _core.transient(method, error.status)):
                    raise
            sleep(_core.wait(attempt))

    def sign_user(self, user_id: str) -> Dict[str, Any]:
        """``{"userId", "signature"}`` for a frontend to act as this user. Needs a backend key."""
        return self._call(_core.signed, "POST", "/v1/_sign", {"userId": user_id}, {})

    def admin_health(self) -> Dict[str, Any]:
        return self._call(record, "GET", "/admin/health", None, {})

    def admin_stats(self) -> Dict[str, Any]:
        return self._call(record, "GET", "/admin/stats", None, {})

    def list_threads(
        self,
        opts: Union[Mapping[str, Any], str, None] = None,
        title: Optional[str] = None,
        slug: Optional[str] = None,
        *,
        author: Optional[str] = None,
    ) -> Listing:
        """The threads of an author, given by keywords or as one dict; filtered by a part of the title, or the slug."""
        given = {"author": opts} if isinstance(opts, str) else dict(opts or {})
        given = {**given, **{k: v for k, v in (("author", author), ("title", title), ("slug", slug)) if v is not None}}
        unknown = sorted(set(given) - {"author", "title", "slug"})
        if unknown:
            raise TypeError(f"list_threads knows author, title and slug, not {', '.join(unknown)}")
        who = required(given.get("author"), "list_threads")
        return self._call(
            lambda answer: Listing.of("threads", answer), "GET", path("threads") + query(**given), None, in_name_of(who)
        )

    def get_thread(self, id: str, author: Optional[str] = None) -> Dict[str, Any]:
        who = required(author, "get_thread")
        return self._call(record, "GET", path("threads", id), None, in_name_of(who))

    def create_thread(self, thread: Mapping[str, Any], author: str) -> Dict[str, Any]:
        """Makes a thread of ``title`` and, if you like, ``metadata``."""
        who = required(author, "create_thread")
        return self._call(record, "POST", path("threads"), dict(thread), in_name_of(who))

    def update_thread(self, id: str, thread: Mapping[str, Any], author: str) -> Dict[str, Any]:
        who = required(author, "update_thread")
        return self._call(record, "PUT", path("threads", id), dict(thread), in_name_of(who))

    def delete_thread(self, id: str, author: str) -> None:
        who = required(author, "delete_thread")
        self._call(_core.nothing, "DELETE", path("threads", id), None, in_name_of(who))

    def create_message(self, msg: Mapping[str, Any], author: str) -> Dict[str, Any]:
        """Makes a message: ``thread``, ``body``, and what else you like of ``role``, ``ts``, ``reply_to``."""
        who = required(author, "create_message")
        return self._call(record, "POST", path("messages"), dict(msg), in_name_of(who))

    def list_messages(self, thread: Optional[str] = None, limit: Optional[int] = None) -> Listing:
        """The latest messages of a thread, in nobody's name."""
        target = path("messages") + query(thread=thread, limit=limit)
        return self._call(lambda answer: Listing.of("messages", answer), "GET", target, None, {})

    def get_message(self, id: str, author: Optional[str] = None) -> Dict[str, Any]:
        return self._call(record, "GET", path("messages", id), None, in_name_of(author))

    def update_message(self, id: str, msg: Mapping[str, Any], author: Optional[str] = None) -> Dict[str, Any]:
        return self._call(record, "PUT", path("messages", id), dict(msg), in_name_of(author))

    def delete_message(self, id: str, author: Optional[str] = None) -> None:
        self._call(_core.nothing, "DELETE", path("messages", id), None, in_name_of(author))

    def list_thread_messages(
        self, thread_id: str, limit: Optional[int] = None, author: Optional[str] = None
    ) -> Listing:
        """The latest ``limit`` messages of a thread, or all."""
        target = path("threads", thread_id, "messages") + query(limit=limit)
        return self._call(lambda answer: Listing.of("messages", answer), "GET", target, None, in_name_of(author))

    def get_thread_message(self, thread_id: str, id: str, author: Optional[str] = None) -> Dict[str, Any]:
        return self._call(record, "GET", path("threads", thread_id, "messages", id), None, in_name_of(author))

    def update_thread_message(
        self, thread_id: str, id: str, msg: Mapping[str, Any], author: Optional[str] = None
    ) -> Dict[str, Any]:
        """Makes a new version of a message; what ``msg`` leaves out stays as it was."""
        target = path("threads", thread_id, "messages", id)
        return self._call(record, "PUT", target, dict(msg), in_name_of(author))

    def delete_thread_message(self, thread_id: str, id: str, author: Optional[str] = None) -> None:
        target = path("threads", thread_id, "messages", id)
        self._call(_core.nothing, "DELETE", target, None, in_name_of(author))

    def list_message_versions(self, thread_id: str, id: str, author: Optional[str] = None) -> Listing:
        """All versions of a message, the oldest first."""
        target = path("threads", thread_id, "messages", id, "versions")
        return self._call(lambda answer: Listing.of("versions", answer), "GET", target, None, in_name_of(author))

    def list_reactions(self, thread_id: str, id: str, author: Optional[str] = None) -> Listing:
        """Who reacted how: items of ``id`` and ``reaction``."""
        target = path("threads", thread_id, "messages", id, "reactions")
        return self._call(lambda answer: Listing.of("reactions", answer), "GET", target, None, in_name_of(author))

    def add_or_update_reaction(
        self, thread_id: str, id: str, input: Mapping[str, str], author: Optional[str] = None
    ) -> Dict[str, Any]:
        """``input`` is ``{"id": who, "reaction": how}``; the message after."""
        target = path("threads", thread_id, "messages", id, "reactions")
        return self._call(record, "POST", target, dict(input), in_name_of(author))

    def remove_reaction(self, thread_id: str, id: str, identity: str, author: Optional[str] = None) -> None:
        target = path("threads", thread_id, "messages", id, "reactions", identity)
        self._call(_core.nothing, "DELETE", target, None, in_name_of(author))

"""The chat client: what it sends, what it makes of answers, and the documented page.

Against a stub that answers recorded shapes; `test_progressdb_server.py` is the same against the real server."""

import asyncio
import inspect
import json
from urllib.parse import quote

import pytest

import progressdb
import progressdb.client
from progressdb import ApiError, AsyncProgressDBClient, ProgressDBClient
from server import free_port
from stub import reply

THREAD = {
    "id": "thread-1757600000000000001-7",
    "title": "General",
    "author": "service-account",
    "slug": "general-thread-1757600000000000001-7",
    "created_ts": 1757600000000001200,
    "updated_ts": 1757600000000001200,
}
MESSAGE = {
    "id": "msg-1757600000500000002-8",
    "thread": THREAD["id"],
    "author": "service-account",
    "role": "user",
    "ts": 1757600000500000900,
    "body": {"text": "hello"},
}
SIGNED = {"signature": "99f383c6f11a77698734d00f656b34609170b716e37414cbe32279a3151a9e6c", "userId": "user-123"}
HTML = "<html><h1>502</h1></html>"

PAGE = """
from progressdb import ProgressDBClient

client = ProgressDBClient(base_url='https://api.example.com', api_key='ADMIN_KEY')

# Sign a user id (backend-only)
sig = client.sign_user('user-123')

# Create a thread (provide author)
thread = client.create_thread({'title': 'General'}, author='service-account')

# Create a message (provide author)
msg = client.create_message({'thread': thread['id'], 'body': {'text': 'hello'}}, author='service-account')
"""

HIGHLIGHTS = """
def sign_user(user_id: str) -> dict:  # -> { 'userId': str, 'signature': str }
def admin_health() -> dict
def admin_stats() -> dict
def list_threads(opts: dict = None) -> list
def get_thread(id: str, author: str = None) -> dict
def create_thread(thread: dict, author: str) -> dict
def delete_thread(id: str, author: str) -> None
def list_thread_messages(thread_id: str, limit: int = None, author: str = None) -> list
def get_thread_message(thread_id: str, id: str, author: str = None) -> dict
def update_thread_message(thread_id: str, id: str, msg: dict, author: str = None) -> dict
def delete_thread_message(thread_id: str, id: str, author: str = None) -> None
"""


def ok(value):
    return reply(200, json.dumps(value) + "\n")


@pytest.fixture
def chat(stub):
    with ProgressDBClient(stub.url, "key", timeout=2) as client:
        yield client


def test_the_quick_start_of_the_page(stub):
    stub.answers = [ok(SIGNED), ok(THREAD), ok(MESSAGE)]
    scope = {}
    exec(compile(PAGE.replace("https://api.example.com", stub.url), "page", "exec"), scope)
    scope["client"].close()
    assert (scope["sig"], scope["thread"], scope["msg"]) == (SIGNED, THREAD, MESSAGE)
    sign, thread, message = stub.requests
    assert (sign.method, sign.path, json.loads(sign.body)) == ("POST", "/v1/_sign", {"userId": "user-123"})
    assert (thread.path, thread.headers["x-user-id"], json.loads(thread.body)) == (
        "/v1/threads",
        b"service-account",
        {"title": "General"},
    )
    assert (message.path, json.loads(message.body)) == (
        "/v1/messages",
        {"thread": THREAD["id"], "body": {"text": "hello"}},
    )
    assert sign.headers["x-api-key"] == b"ADMIN_KEY"
    assert sign.headers["content-type"] == b"application/json"


@pytest.mark.parametrize("line", HIGHLIGHTS.strip().splitlines())
def test_the_highlights_of_the_page_name_methods_with_these_parameters(line):
    name, _, rest = line.removeprefix("def ").partition("(")
    wanted = [part.split(":")[0].strip() for part in rest.partition(")")[0].split(",") if part]
    for kind in (ProgressDBClient, AsyncProgressDBClient):
        signature = inspect.signature(getattr(kind, name))
        assert list(signature.parameters)[1 : 1 + len(wanted)] == wanted


T = "thread/a b"
CALLS = {
    "list_threads": (
        lambda c: c.list_threads({"author": "zoëy", "title": "a&b"}),
        "GET",
        "/v1/threads?author=zo%C3%ABy&title=a%26b",
        None,
        "zoëy",
        {"threads": [THREAD]},
    ),
    "get_thread": (lambda c: c.get_thread("t", "a"), "GET", "/v1/threads/t", None, "a", THREAD),
    "update_thread": (
        lambda c: c.update_thread("t", {"title": "n"}, "a"),
        "PUT",
        "/v1/threads/t",
        {"title": "n"},
        "a",
        THREAD,
    ),
    "delete_thread": (lambda c: c.delete_thread("t", "a"), "DELETE", "/v1/threads/t", None, "a", None),
    "list_messages": (
        lambda c: c.list_messages("t", 5),
        "GET",
        "/v1/messages?thread=t&limit=5",
        None,
        None,
        {"thread": "t", "messages": []},
    ),
    "get_message": (lambda c: c.get_message("m"), "GET", "/v1/messages/m", None, None, MESSAGE),
    "update_message": (
        lambda c: c.update_message("m", {"body": 1}, "a"),
        "PUT",
        "/v1/messages/m",
        {"body": 1},
        "a",
        MESSAGE,
    ),
    "delete_message": (lambda c: c.delete_message("m", "a"), "DELETE", "/v1/messages/m", None, "a", None),
    "list_thread_messages": (
        lambda c: c.list_thread_messages(T, 0, "a"),
        "GET",
        "/v1/threads/thread%2Fa%20b/messages?limit=0",
        None,
        "a",
        {"thread": T, "messages": [MESSAGE]},
    ),
    "get_thread_message": (
        lambda c: c.get_thread_message("t", "m"),
        "GET",
        "/v1/threads/t/messages/m",
        None,
        None,
        MESSAGE,
    ),
    "update_thread_message": (
        lambda c: c.update_thread_message("t", "m", {"body": 1}, "a"),
        "PUT",
        "/v1/threads/t/messages/m",
        {"body": 1},
        "a",
        MESSAGE,
    ),
    "delete_thread_message": (
        lambda c: c.delete_thread_message("t", "m", "a"),
        "DELETE",
        "/v1/threads/t/messages/m",
        None,
        "a",
        None,
    ),
    "list_message_versions": (
        lambda c: c.list_message_versions("t", "m"),
        "GET",
        "/v1/threads/t/messages/m/versions",
        None,
        None,
        {"id": "m", "versions": [MESSAGE]},
    ),
    "list_reactions": (
        lambda c: c.list_reactions("t", "m"),
        "GET",
        "/v1/threads/t/messages/m/reactions",
        None,
        None,
        {"id": "m", "reactions": [{"id": "ana", "reaction": "like"}]},
    ),
    "add_or_update_reaction": (
        lambda c: c.add_or_update_reaction("t", "m", {"id": "ana", "reaction": "like"}),
        "POST",
        "/v1/threads/t/messages/m/reactions",
        {"id": "ana", "reaction": "like"},
        None,
        MESSAGE,
    ),
    "remove_reaction": (
        lambda c: c.remove_reaction("t", "m", "ä"),
        "DELETE",
        "/v1/threads/t/messages/m/reactions/%C3%A4",
        None,
        None,
        None,
    ),
    "admin_health": (
        lambda c: c.admin_health(),
        "GET",
        "/admin/health",
        None,
        None,
        {"status": "ok", "service": "progressdb"},
    ),
    "admin_stats": (lambda c: c.admin_stats(), "GET", "/admin/stats", None, None, {"threads": 12, "messages": 340}),
    "request": (
        lambda c: c.request("post", "/v1/x", {"a": 1}, {"X-Identity": "i"}),
        "POST",
        "/v1/x",
        {"a": 1},
        None,
        [1],
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_each_call_sends_what_the_sheet_says(stub, chat, name):
    call, method, path, body, author, answer = CALLS[name]
    stub.answers = [reply(204, "") if answer is None else ok(answer)]
    result = call(chat)
    [request] = stub.requests
    assert (request.method, request.path) == (method, path)
    assert (json.loads(request.body) if request.body else None) == body
    assert request.headers.get("x-user-id") == (None if author is None else author.encode())
    assert ("idempotency-key" in request.headers) == (method != "GET")
    if isinstance(result, progressdb.Listing):
        [(member, items)] = [(key, value) for key, value in answer.items() if isinstance(value, list)]
        assert list(result) == items == result[member] == result.get(member)
        assert {key: result[key] for key in answer} == answer
        assert result.get("nothing") is None and result[0:1] == items[0:1]
    else:
        assert result == answer


@pytest.mark.parametrize("author", ["zoë", "Ægir", "李", "utf-8''a"])
def test_an_author_whom_a_header_may_cut_goes_into_the_query(stub, chat, author):
    stub.answers = [ok(THREAD), ok({"messages": []})]
    chat.get_thread("t", author)
    chat.list_thread_messages("t", 5, author)
    written = "author=" + quote(author, safe="")
    assert [one.path for one in stub.requests] == [f"/v1/threads/t?{written}", f"/v1/threads/t/messages?limit=5&{written}"]
    assert [one.headers.get("x-user-id") for one in stub.requests] == [None, None]


def test_a_signed_user_whom_a_header_may_cut_is_written_as_rfc_8187_has_it(stub, chat):
    stub.answers = [ok(THREAD)]
    chat.request("GET", "/v1/threads/t", headers={"X-User-ID": "zoë's é", "X-User-Signature": "s"})
    assert stub.requests[0].path == "/v1/threads/t"
    assert stub.requests[0].headers["x-user-id"] == b"UTF-8''zo%C3%AB%27s%20%C3%A9"


def test_every_method_is_tried_above():
    public = {name for name, _ in inspect.getmembers(ProgressDBClient, inspect.isfunction) if not name.startswith("_")}
    assert public - {"close", "sign_user", "create_thread", "create_message"} == set(CALLS)


def test_null_counts_as_an_empty_list(stub, chat):
    stub.answers = [ok({"threads": None})]
    threads = chat.list_threads(author="a")
    assert threads == [] and threads["threads"] == []


def test_threads_are_listed_by_keywords_by_position_or_by_dict(stub, chat):
    stub.answers = [ok({"threads": []})]
    chat.list_threads("a", "t", "s")
    chat.list_threads({"author": "a", "title": "t", "slug": "s"})
    chat.list_threads(author="a", title="t", slug="s")
    assert {request.path for request in stub.requests} == {"/v1/threads?author=a&title=t&slug=s"}
    with pytest.raises(TypeError, match="limit"):
        chat.list_threads({"author": "a", "limit": 1})


@pytest.mark.parametrize(
    ("method", "call"),
    [
        ("list_threads", lambda c: c.list_threads()),
        ("get_thread", lambda c: c.get_thread("t")),
        ("create_thread", lambda c: c.create_thread({}, "")),
        ("update_thread", lambda c: c.update_thread("t", {}, "")),
        ("delete_thread", lambda c: c.delete_thread("t", "")),
        ("create_message", lambda c: c.create_message({}, None)),
    ],
)
def test_a_missing_author_is_refused_before_anything_is_sent(stub, chat, method, call):
    with pytest.raises(ValueError, match=f"^author is required for backend {method} calls$"):
        call(chat)
    assert stub.requests == []


@pytest.mark.parametrize(
    "call", [lambda c: c.get_thread("", "a"), lambda c: c.get_thread("t", "a\nb"), lambda c: c.get_thread("t", " a")]
)
def test_what_would_name_something_else_is_refused(stub, chat, call):
    with pytest.raises(ValueError):
        call(chat)
    assert stub.requests == []


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"base_url": "api"},
        {"base_url": "http://a", "timeout": 0},
        {"base_url": "http://a", "max_retries": -1},
        {"base_url": "http://a", "api_key": "ü"},
    ],
)
def test_a_client_that_can_never_work_is_refused(options):
    with pytest.raises(ValueError):
        ProgressDBClient(**options)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429])
def test_a_refusal_is_an_api_error_and_not_tried_again(stub, chat, status):
    stub.answers = [reply(status, '{"error":"no"}\n')]
    with pytest.raises(ApiError) as caught:
        chat.get_thread("t", "a")
    assert (caught.value.status, caught.value.body) == (status, {"error": "no"})
    assert str(caught.value).startswith(f"API error {status}: ")
    assert len(stub.requests) == 1


@pytest.mark.parametrize(
    "failure",
    [None, reply(502, HTML, "text/html"), reply(503, '{"error":"x"}'), reply(504, "")],
    ids=["hang-up", "502", "503", "504"],
)
@pytest.mark.parametrize(
    "call", [lambda c: c.get_thread("t", "a"), lambda c: c.create_thread({}, "a")], ids=["GET", "POST"]
)
def test_transient_failures_are_tried_again_under_one_key(stub, chat, failure, call):
    stub.answers = [failure, failure, ok(THREAD)]
    assert call(chat) == THREAD
    assert len(stub.requests) == 3
    assert len({request.headers.get("idempotency-key") for request in stub.requests}) == 1


def test_500_is_tried_again_for_reads_only(stub, chat):
    stub.answers = [reply(500, '{"error":"x"}'), ok(THREAD)]
    assert chat.get_thread("t", "a") == THREAD
    stub.answers = [reply(500, '{"error":"x"}')]
    stub.requests.clear()
    with pytest.raises(ApiError):
        chat.create_thread({}, "a")
    assert len(stub.requests) == 1


def test_two_calls_have_two_keys(stub, chat):
    stub.answers = [ok(THREAD)]
    chat.create_thread({}, "a")
    chat.create_thread({}, "a")
    first, second = (request.headers["idempotency-key"] for request in stub.requests)
    assert first != second


def test_retries_end_and_the_last_failure_is_raised(stub):
    stub.answers = [reply(503, '{"error":"x"}')]
    with ProgressDBClient(stub.url, max_retries=1) as chat, pytest.raises(ApiError):
        chat.admin_health()
    assert len(stub.requests) == 2


@pytest.mark.parametrize(
    ("status", "said", "says"),
    [
        (401, "unauthorized", "Pass the api_key"),
        (404, "message not found", "Check the id"),
        (507, "Memory limit exceeded", "raise its limit"),
    ],
)
def test_a_refusal_says_what_to_do(stub, status, said, says):
    stub.answers = [reply(status, json.dumps({"error": said}))]
    with ProgressDBClient(stub.url, max_retries=0) as chat, pytest.raises(ApiError) as caught:
        chat.get_thread_message("t", "m", "a")
    assert (caught.value.status, caught.value.body) == (status, {"error": said})
    assert said in str(caught.value) and says in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (reply(200, HTML, "text/html"), "check base_url"),
        (reply(404, HTML, "text/html"), "check base_url"),
        (reply(200, '{"id":'), "ends too early"),
        (reply(200, '{"id":"x"}', length=500), "broke before"),
        (reply(200, "[]"), "compare the versions"),
        (reply(200, ""), "ends too early"),
    ],
)
def test_what_is_no_answer_is_an_error(stub, answer, says):
    stub.answers = [answer]
    with ProgressDBClient(stub.url, max_retries=0) as chat, pytest.raises(ApiError) as caught:
        chat.get_thread("t", "a")
    assert says in str(caught.value)


def test_an_unreachable_server_is_an_api_error_without_status():
    with ProgressDBClient(f"http://127.0.0.1:{free_port()}", max_retries=0) as chat, pytest.raises(ApiError) as caught:
        chat.admin_health()
    assert (caught.value.status, caught.value.body) == (0, None)
    assert "Cannot reach" in str(caught.value) and "GET /admin/health" in str(caught.value)


def test_nanoseconds_are_exact(stub, chat):
    stub.answers = [reply(200, '{"id":"m","ts":1795328019889894103}')]
    assert chat.get_message("m")["ts"] == 1795328019889894103


def test_the_exception_is_where_the_reference_has_it():
    assert progressdb.client.ApiError is ApiError


def test_the_asynchronous_client_has_the_same_names(stub):
    async def calls():
        async with AsyncProgressDBClient(stub.url, "key") as chat:
            stub.answers = [ok(THREAD)]
            assert await chat.create_thread({"title": "x"}, author="a") == THREAD
            stub.answers = [ok({"threads": [THREAD]})]
            assert await chat.list_threads(author="a") == [THREAD]

    asyncio.run(calls())
    names = {name for name in dir(ProgressDBClient) if not name.startswith("_")}
    assert {name.replace("aclose", "close") for name in dir(AsyncProgressDBClient) if not name.startswith("_")} == names

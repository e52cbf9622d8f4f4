"""The chat client against the built server. Skipped while the server has no chat face (GET /healthz)."""

import httpx
import pytest

from progressdb import ApiError, ProgressDBClient
from test_progressdb import PAGE


@pytest.fixture(scope="module")
def face():
    from server import Server

    running = Server("--memory", environment={"PROGRESSDB_API_BACKEND_KEYS": "key", "PROGRESSDB_API_ADMIN_KEYS": "key"})
    try:
        if httpx.get(running.url + "/healthz").status_code != 200:
            pytest.skip("this server has no chat face")
        yield running
    finally:
        running.stop()


@pytest.fixture
def chat(face):
    with ProgressDBClient(face.url, "key") as client:
        yield client


def test_the_quick_start_of_the_page(face):
    scope = {}
    exec(compile(PAGE.replace("https://api.example.com", face.url).replace("ADMIN_KEY", "key"), "page", "exec"), scope)
    scope["client"].close()
    assert scope["sig"]["userId"] == "user-123"
    assert scope["thread"]["title"] == "General"
    assert scope["msg"]["body"] == {"text": "hello"}
    assert scope["msg"]["thread"] == scope["thread"]["id"]


def test_a_thread_from_beginning_to_end(chat):
    thread = chat.create_thread({"title": "Trip", "metadata": {"a": 1}}, "zoë")
    assert chat.get_thread(thread["id"], "zoë")["title"] == "Trip"
    assert chat.update_thread(thread["id"], {"title": "Trip 2"}, "zoë")["title"] == "Trip 2"
    assert thread["id"] in [one["id"] for one in chat.list_threads({"author": "zoë", "title": "trip"})]
    first = chat.create_message({"thread": thread["id"], "body": "one"}, "zoë")
    chat.create_message({"thread": thread["id"], "body": "two"}, "zoë")
    assert [one["body"] for one in chat.list_thread_messages(thread["id"], author="zoë")] == ["one", "two"]
    assert [one["body"] for one in chat.list_messages(thread["id"], 1)["messages"]] == ["two"]
    edited = chat.update_thread_message(thread["id"], first["id"], {"body": "uno"}, "zoë")
    assert (edited["body"], edited["role"]) == ("uno", "user")
    chat.add_or_update_reaction(thread["id"], first["id"], {"id": "ana", "reaction": "like"})
    assert list(chat.list_reactions(thread["id"], first["id"])) == [{"id": "ana", "reaction": "like"}]
    chat.remove_reaction(thread["id"], first["id"], "ana")
    assert chat.list_reactions(thread["id"], first["id"]) == []
    versions = chat.list_message_versions(thread["id"], first["id"])
    assert [one["body"] for one in versions][:2] == ["one", "uno"]
    assert all(isinstance(one["ts"], int) and one["ts"] > 2**53 for one in versions["versions"])
    assert chat.delete_thread_message(thread["id"], first["id"], "zoë") is None
    assert [one["body"] for one in chat.list_thread_messages(thread["id"], author="zoë")] == ["two"]
    assert chat.delete_thread(thread["id"], "zoë") is None


def test_refusals(chat, face):
    with pytest.raises(ApiError) as caught:
        chat.get_thread("thread-1-1", "a")
    assert caught.value.status == 404
    with ProgressDBClient(face.url, "wrong") as stranger, pytest.raises(ApiError) as caught:
        stranger.list_threads(author="a")
    assert (caught.value.status, caught.value.body) == (401, {"error": "unauthorized"})


def test_admin_calls(chat):
    assert chat.admin_health() == {"status": "ok", "service": "progressdb"}
    assert chat.admin_stats()["threads"] >= 0


def test_a_write_that_arrives_twice_is_done_once(chat):
    headers = {"x-user-id": "twice", "idempotency-key": "the same"}
    first = chat.request("POST", "/v1/threads", {"title": "once"}, headers)
    assert chat.request("POST", "/v1/threads", {"title": "once"}, headers) == first
    assert len(chat.list_threads(author="twice")) == 1


@pytest.mark.parametrize("author", ["zoë", "Ægir", "李明", "ë", "zoëy", "utf-8''a"])
def test_a_name_in_any_language_is_the_author_of_what_it_made(chat, author):
    thread = chat.create_thread({"title": "mine"}, author)
    message = chat.create_message({"thread": thread["id"], "body": "one"}, author)
    assert (thread["author"], message["author"]) == (author, author)
    assert chat.get_thread(thread["id"], author)["author"] == author
    assert thread["id"] in [one["id"] for one in chat.list_threads(author=author)]
    assert chat.update_thread_message(thread["id"], message["id"], {"body": "two"}, author)["author"] == author
    chat.delete_thread_message(thread["id"], message["id"], author)
    chat.delete_thread(thread["id"], author)
    headers = {"X-User-ID": author, "X-User-Signature": chat.sign_user(author)["signature"]}
    assert chat.request("POST", "/v1/threads", {"title": "signed"}, headers)["author"] == author

"""Each way a call can fail is one SynapError that says what to do; nothing stands in for an answer."""

import json
import time

import pytest

from server import free_port
from stub import reply
from synap_sdk import AsyncSynapClient, SynapClient, SynapError

HTML = "<html><body><h1>502 Bad Gateway</h1></body></html>"


def envelope(payload, success=True, error=None):
    """An answer that echoes the id of the request, as the server does."""

    def answer(request):
        request_id = json.loads(request.body)["request_id"]
        return reply(
            200, json.dumps({"success": success, "request_id": request_id, "payload": payload, "error": error})
        )

    return answer


def refusal(url, retries=0, call=lambda client: client.kv.get("k"), **options):
    with SynapClient(url, retries=retries, timeout=2, **options) as client, pytest.raises(SynapError) as caught:
        call(client)
    return caught.value


def test_an_unreachable_server_is_named_with_the_call():
    port = free_port()
    error = refusal(f"http://127.0.0.1:{port}")
    assert error.status_code is None
    assert error.message.startswith(f"cannot reach http://127.0.0.1:{port} for kv.get: ")
    assert "Check that the server runs there" in error.message
    assert error.retryable and not error.unknown


def test_a_host_that_does_not_exist_is_unreachable_too():
    assert refusal("http://nowhere.invalid:15500").message.startswith("cannot reach http://nowhere.invalid:15500")


def test_missing_credentials_are_401_and_the_message_says_where_they_go(serve, tmp_path):
    settings = tmp_path / "accounts.yaml"
    settings.write_text(
        "auth:\n"
        "  enabled: true\n"
        "  require_auth: true\n"
        "  api_keys: [{name: reader, key: sk_1, permissions: [{resource: 'kv:*', action: read}]}]\n"
    )
    server = serve("--memory", "--config", str(settings))
    error = refusal(server.url)
    assert error.status_code == 401
    assert "Pass api_key=..., or username=... and password=..., to the client" in error.message
    assert refusal(server.url, api_key="sk_2").status_code == 401
    error = refusal(server.url, api_key="sk_1", call=lambda client: client.kv.set("k", "v"))
    assert error.status_code == 403
    assert error.message.startswith("Forbidden: ")
    with SynapClient(server.url, api_key="sk_2", retries=0) as client, pytest.raises(SynapError) as caught:
        next(client.pubsub.subscribe(["a"]))
    assert caught.value.status_code == 401


def test_what_is_not_there_is_404(client, name):
    for call in (
        lambda: client.kv.ttl(name),
        lambda: client.queue.publish(name, b"x"),
        lambda: client.queue.stats(name),
    ):
        with pytest.raises(SynapError) as caught:
            call()
        assert caught.value.status_code == 404
        assert name in caught.value.message
        assert not caught.value.retryable
    client.queue.create(name)
    with pytest.raises(SynapError) as caught:
        client.queue.ack(name, "nothing")
    assert caught.value.status_code == 404
    assert caught.value.detail == "Message not found: nothing"


def test_a_full_queue_is_507_and_not_tried_again(client, name):
    client.queue.create(name, max_depth=1)
    client.queue.publish(name, b"x")
    with pytest.raises(SynapError) as caught:
        client.queue.publish(name, b"x")
    assert caught.value.status_code == 507
    assert "Consume or purge messages" in caught.value.message


def test_full_memory_is_507(serve):
    server = serve("--memory", "--max-memory-mb", "1")
    error = refusal(server.url, call=lambda client: client.kv.set("k", "x" * 1_500_000))
    assert error.status_code == 507
    assert "kv_store.max_memory_mb" in error.message


def test_a_path_that_is_not_there_asks_for_the_url(server):
    error = refusal(server.url + "/elsewhere")
    assert error.status_code == 404
    assert "the address of a synapd server?" in error.message


def test_a_page_of_a_proxy_is_shown_with_its_status(stub):
    stub.answers = [reply(502, HTML, "text/html")]
    error = refusal(stub.url)
    assert error.status_code == 502
    assert "text/html" in error.message and "<html><body>" in error.message
    assert "A proxy in between cannot reach the server" in error.message


def test_a_page_with_status_200_is_no_answer(stub):
    stub.answers = [reply(200, HTML, "text/html")]
    error = refusal(stub.url)
    assert error.status_code == 200
    assert "instead of JSON" in error.message


@pytest.mark.parametrize("status", [401, 404, 500, 507])
def test_an_empty_body_is_no_answer(stub, status):
    stub.answers = [reply(status, "")]
    assert refusal(stub.url).status_code == status


def test_a_redirect_names_where_to(stub):
    stub.answers = [reply(301, "", headers=["location: https://elsewhere.example/"])]
    assert "Give that address as url" in refusal(stub.url).message
    assert "https://elsewhere.example/" in refusal(stub.url).message


@pytest.mark.parametrize("sent", [0, 1, 20, 60])
def test_a_reply_that_is_cut_is_an_error_of_unknown_outcome(stub, sent):
    def cut(request):
        whole = envelope("the value")(request)
        head, _, body = whole.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n" + body[:sent]

    stub.answers = [cut]
    error = refusal(stub.url)
    assert error.unknown
    assert "broke before kv.get was answered in full" in error.message


def test_json_that_ends_too_early_is_an_error(stub):
    stub.answers = [reply(200, '{"success":true,"request_id":"1","payl')]
    error = refusal(stub.url)
    assert error.unknown
    assert "ends too early or is damaged" in error.message


def test_a_server_that_hangs_up_is_an_error(stub):
    assert "broke before kv.get was answered" in refusal(stub.url).message


def test_silence_is_an_error_after_the_timeout(stub):
    stub.answers = [lambda request: time.sleep(1)]
    with SynapClient(stub.url, retries=0, timeout=0.2) as client, pytest.raises(SynapError) as caught:
        client.kv.get("k")
    assert "did not answer kv.get within 0.2 s" in caught.value.message
    assert "Raise timeout=" in caught.value.message


@pytest.mark.parametrize(
    "body",
    [
        "null",
        "[]",
        '"text"',
        "{}",
        '{"success":true}',
        '{"success":true,"request_id":"another","payload":null,"error":null}',
        '{"success":false,"request_id":"1","payload":null,"error":null}',
        '{"success":"yes","request_id":"1","payload":null,"error":null}',
    ],
)
def test_json_that_answers_nothing_is_an_error(stub, body):
    stub.answers = [reply(200, body)]
    assert "no answer to it" in refusal(stub.url).message


@pytest.mark.parametrize(
    ("call", "payload"),
    [
        (lambda client: client.kv.get("k"), {}),
        (lambda client: client.kv.get("k"), 7),
        (lambda client: client.kv.exists("k"), None),
        (lambda client: client.kv.mget(["a", "b"]), {"values": ["only one"]}),
        (lambda client: client.kv.incr("k"), {}),
        (lambda client: client.kv.set("k", "v"), None),
        (lambda client: client.queue.consume("q", "w"), {}),
        (lambda client: client.queue.consume("q", "w"), {"message": {"id": "1"}}),
        (lambda client: client.queue.publish("q", b""), {"message_id": None}),
        (lambda client: client.queue.list(), {}),
        (lambda client: client.queue.stats("q"), {"depth": 1}),
        (lambda client: client.stream.consume("s", "me"), {"next_offset": 0}),
        (lambda client: client.stream.publish("s", "e", 1), {"offset": None}),
        (lambda client: client.pubsub.publish("t", 1), {}),
    ],
)
def test_an_answer_without_what_belongs_into_it_is_an_error(stub, call, payload):
    stub.answers = [envelope(payload)]
    assert "Compare the versions of server and SDK" in refusal(stub.url, call=call).message


def test_a_closed_feed_of_html_is_an_error(stub):
    stub.answers = [reply(200, HTML, "text/html")]
    with SynapClient(stub.url, retries=0) as client, pytest.raises(SynapError) as caught:
        next(client.pubsub.subscribe(["a"]))
    assert "instead of JSON" in caught.value.message


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"url": "localhost:15500"}, "must begin with http:// or https://"),
        ({"url": "synap://localhost"}, "must begin with http:// or https://"),
        ({"url": "http://"}, "name a host"),
        ({"url": "http://a/?b"}, "query"),
        ({"url": "http://a", "api_key": "k", "username": "u", "password": "p"}, "not both"),
        ({"url": "http://a", "username": "u"}, "belong together"),
        ({"url": "http://a", "api_key": "k\n"}, "printable"),
        ({"url": "http://a", "timeout": 0}, "timeout"),
        ({"url": "http://a", "retries": -1}, "retries"),
    ],
)
def test_what_can_never_work_is_refused_when_the_client_is_made(options, says):
    for kind in (SynapClient, AsyncSynapClient):
        with pytest.raises(ValueError, match=says):
            kind(**options)


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.kv.set("k", "v", ttl=1.5),
        lambda client: client.kv.set("k", "v", ttl="60"),
        lambda client: client.kv.set("k", "v", ttl=-1),
        lambda client: client.kv.incrby("k", 1.0),
        lambda client: client.kv.set("k", float("nan")),
        lambda client: client.kv.set("k", b"\xff"),
        lambda client: client.kv.set("k", object()),
        lambda client: client.queue.create("q", durability="disk"),
        lambda client: client.queue.publish("q", {"a": 1}),
        lambda client: client.queue.publish("q", b"x", headers={"n": 1}),
        lambda client: client.pubsub.subscribe("not a list"),
        lambda client: client.pubsub.subscribe([]),
        lambda client: client.pubsub.subscribe(["a,b"]),
        lambda client: client.stream.create("s", partitions=3),
    ],
)
def test_what_the_server_would_silently_take_otherwise_is_refused_before_it_is_sent(stub, call):
    with SynapClient(stub.url) as client, pytest.raises((TypeError, ValueError)):
        call(client)
    assert stub.requests == []

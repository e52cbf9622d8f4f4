"""Which calls are tried again, how often, and which are not."""

import json
import threading
import time

import pytest

from server import free_port
from stub import Stub, reply
from synap_sdk import SynapClient, SynapError
from synap_sdk._core.retry import backoff, delay
from test_errors import HTML, envelope

BUSY = reply(503, '{"code":503,"error":"Unavailable: stopping"}')
FULL = reply(429, '{"code":429,"error":"Quota exceeded: 10 a second"}', headers=["retry-after: 0"])
BROKEN_GATEWAY = reply(502, HTML, "text/html")

REPEATABLE = {
    "get": (lambda client: client.kv.get("k"), None),
    "set": (lambda client: client.kv.set("k", 1), {"success": True}),
    "delete": (lambda client: client.kv.delete("k"), {"deleted": True}),
    "create": (lambda client: client.queue.create("q"), {"success": True}),
    "keyed publish": (lambda client: client.queue.publish("q", b"", message_key="1"), {"message_id": "1"}),
    "extend": (lambda client: client.queue.extend("q", "1", 5), {"success": True}),
    "consume": (lambda client: client.queue.consume("q", "w"), {"message": None}),
    "read": (lambda client: client.stream.consume("s", "me"), {"events": []}),
}
ONCE = {
    "incr": (lambda client: client.kv.incr("k"), {"value": 1}),
    "append": (lambda client: client.kv.append("k", "x"), {"length": 1}),
    "publish": (lambda client: client.queue.publish("q", b""), {"message_id": "1"}),
    "ack": (lambda client: client.queue.ack("q", "1"), {"success": True}),
    "nack": (lambda client: client.queue.nack("q", "1"), {"success": True}),
    "event": (lambda client: client.stream.publish("s", "e", 1), {"offset": 0}),
    "message": (lambda client: client.pubsub.publish("t", 1), {"subscribers_matched": 0}),
    "any": (lambda client: client.call("list.push", {}), {}),
}


def named(cases):
    return pytest.mark.parametrize(("call", "payload"), cases.values(), ids=cases.keys())


@named(REPEATABLE)
@pytest.mark.parametrize("failure", [None, BROKEN_GATEWAY, BUSY], ids=["hang-up", "502", "503"])
def test_what_may_be_repeated_is_repeated_with_the_same_id(stub, call, payload, failure):
    stub.answers = [failure, envelope(payload)]
    with SynapClient(stub.url) as client:
        call(client)
    assert len(stub.requests) == 2
    assert stub.requests[0].body == stub.requests[1].body


@named(ONCE)
@pytest.mark.parametrize("failure", [None, BROKEN_GATEWAY], ids=["hang-up", "502"])
def test_what_may_not_be_repeated_fails_as_unknown_when_its_answer_is_lost(stub, call, payload, failure):
    stub.answers = [failure, envelope(payload)]
    with SynapClient(stub.url) as client, pytest.raises(SynapError) as caught:
        call(client)
    assert caught.value.unknown
    assert len(stub.requests) == 1


@named(ONCE)
@pytest.mark.parametrize(
    "failure", [BUSY, FULL, envelope(None, False, "Unavailable: starting")], ids=["503", "429", "said"]
)
def test_what_the_server_refused_to_do_is_tried_again_whatever_it_is(stub, call, payload, failure):
    stub.answers = [failure, failure, envelope(payload)]
    with SynapClient(stub.url) as client:
        call(client)
    assert len(stub.requests) == 3


@named(ONCE)
def test_what_was_never_sent_is_tried_again_whatever_it_is(call, payload):
    port = free_port()
    late = []

    def appear():
        late.append(Stub(port, [envelope(payload)]).__enter__())

    timer = threading.Timer(0.15, appear)
    timer.start()
    with SynapClient(f"http://127.0.0.1:{port}", retries=6) as client:
        call(client)
    timer.join()
    late[0].__exit__()
    assert len(late[0].requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 500, 507])
def test_what_another_try_cannot_mend_is_not_tried_again(stub, status):
    stub.answers = [reply(status, json.dumps({"code": status, "error": "Invalid request: no"}))]
    with SynapClient(stub.url) as client, pytest.raises(SynapError):
        client.kv.get("k")
    assert len(stub.requests) == 1


def test_retries_end(stub):
    stub.answers = [BUSY]
    with SynapClient(stub.url, retries=2) as client, pytest.raises(SynapError) as caught:
        client.kv.get("k")
    assert caught.value.status_code == 503
    assert len(stub.requests) == 3


def test_the_pause_that_a_server_asks_for_is_kept(stub):
    stub.answers = [reply(429, '{"error":"Quota exceeded: x"}', headers=["retry-after: 0.4"]), envelope("v")]
    began = time.monotonic()
    with SynapClient(stub.url) as client:
        assert client.kv.get("k") == "v"
    assert time.monotonic() - began >= 0.4


def test_pauses_double_up_to_five_seconds_with_a_random_half():
    for attempt, longest in [(0, 0.1), (1, 0.2), (3, 0.8), (9, 5.0), (5000, 5.0)]:
        tries = [backoff(attempt) for _ in range(200)]
        assert longest / 2 <= min(tries) <= longest * 0.6
        assert longest * 0.9 <= max(tries) <= longest


def test_a_server_cannot_ask_for_a_pause_without_end():
    assert delay(SynapError("x", 429, retryable=True, retry_after=1e9), 0, 1, False) == 30.0


def test_connections_are_kept(stub):
    seen = []
    accept = stub._serve
    stub._serve = lambda connection: (seen.append(connection), accept(connection))
    stub.answers = [envelope("v")]
    with SynapClient(stub.url) as client:
        for _ in range(20):
            client.kv.get("k")
    assert len(seen) == 1

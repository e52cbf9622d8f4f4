"""Subscriptions: pub/sub, watched keys and followed streams; how they end, and how they come back."""

import asyncio
import threading
import time

import pytest

from server import free_port, until
from synap_sdk import AsyncSynapClient, KeyChange, SynapClient, SynapError
from synap_sdk._core.sse import SseParser


def beside(feed, into):
    """Collects the items of a feed in a thread."""
    thread = threading.Thread(target=lambda: into.extend(feed), daemon=True)
    thread.start()
    return thread


def test_a_subscription_receives_what_matches_from_the_start_of_its_block(client, name):
    with client.pubsub.subscribe([f"{name}.*", f"{name}-exact"]) as subscription:
        assert client.pubsub.publish(f"{name}.a", {"n": 1}, metadata={"by": "me"}) == 1
        assert client.pubsub.publish(f"{name}.a.b", "no") == 0
        assert client.pubsub.publish(f"{name}-exact", "größe") == 1
        first, second = next(subscription), next(subscription)
    assert (first.topic, first.message, first.metadata) == (f"{name}.a", {"n": 1}, {"by": "me"})
    assert (second.topic, second.message, second.metadata) == (f"{name}-exact", "größe", {})
    assert f"{name}-exact" in client.pubsub.topics()
    assert client.pubsub.info(f"{name}-exact")["message_count"] == 1
    assert client.pubsub.stats()["messages_published"] >= 3


def test_closing_from_another_thread_ends_the_iteration_at_once(client, name):
    got = []
    subscription = client.pubsub.subscribe([name])
    thread = beside(subscription, got)
    until(lambda: client.pubsub.publish(name, 1) == 1)
    until(lambda: len(got) > 0)
    began = time.monotonic()
    subscription.close()
    thread.join(5)
    assert not thread.is_alive()
    assert time.monotonic() - began < 2


def test_the_end_of_a_block_ends_the_subscription_on_the_server(client, name):
    with client.pubsub.subscribe([name]):
        assert client.pubsub.publish(name, 1) == 1
    until(lambda: client.pubsub.publish(name, 1) == 0)


def test_subscriptions_give_their_connections_back(server, name):
    with SynapClient(server.url, max_connections=2, timeout=1) as client:
        for _ in range(5):
            with client.pubsub.subscribe([name]) as subscription:
                client.pubsub.publish(name, 1)
                next(subscription)


def test_a_bad_pattern_is_refused_with_the_words_of_the_server(client):
    with pytest.raises(SynapError) as caught:
        next(client.pubsub.subscribe(["a.#.b"]))
    assert caught.value.status_code == 400
    assert "# wildcard must be at the end" in caught.value.message


def test_a_subscription_to_nowhere_fails_as_a_call_does():
    with SynapClient(f"http://127.0.0.1:{free_port()}", retries=1) as client, pytest.raises(SynapError) as caught:
        next(client.pubsub.subscribe(["a"]))
    assert "cannot reach" in caught.value.message


def test_the_asynchronous_subscription_and_its_end(server, name):
    async def listen():
        async with AsyncSynapClient(server.url) as client, client.pubsub.subscribe([name]) as subscription:
            await client.pubsub.publish(name, 1)
            assert (await subscription.__anext__()).message == 1
            asyncio.get_running_loop().call_later(0.1, lambda: asyncio.ensure_future(subscription.aclose()))
            assert [item async for item in subscription] == []

    asyncio.run(asyncio.wait_for(listen(), 10))


def test_the_synchronous_client_can_be_iterated_in_a_coroutine(client, name):
    async def listen():
        publish = asyncio.ensure_future(asyncio.to_thread(lambda: until(lambda: client.pubsub.publish(name, "x") == 1)))
        listening = client.pubsub.subscribe([name]).__aiter__()
        got = await listening.__anext__()
        await listening.aclose()
        await publish
        return got.message

    assert asyncio.run(asyncio.wait_for(listen(), 10)) == "x"


def test_watched_keys_tell_their_changes(client, name):
    with client.kv.watch([name, f"{name}:*"]) as changes:
        client.kv.set(name, "a")
        client.kv.set(f"{name}:1", {"b": 1})
        client.kv.delete(name)
        seen = [next(changes) for _ in range(3)]
    assert seen == [
        KeyChange(name, "set", 1, "a", False),
        KeyChange(f"{name}:1", "set", 1, '{"b":1}', False),
        seen[2],
    ]
    assert (seen[2].event, seen[2].value) == ("del", None)


def test_a_followed_stream_gives_the_past_and_then_the_present(client, name):
    stream = f"{name}/with blanks"
    client.stream.create(stream)
    for number in range(3):
        client.stream.publish(stream, "n", {"number": number}, metadata={"a": "b"})
    with client.stream.follow(stream, "me", from_offset=1) as events:
        client.stream.publish(stream, "n", {"number": 3})
        seen = [next(events) for _ in range(3)]
    assert [event.data["number"] for event in seen] == [1, 2, 3]
    assert [event.offset for event in seen] == [1, 2, 3]
    assert seen[0] == client.stream.consume(stream, "me", 1, 1)[0]


def test_following_a_stream_that_is_not_there_or_goes_away_is_an_error(client, name):
    with pytest.raises(SynapError, match="not found"):
        next(client.stream.follow(name, "me"))
    client.stream.create(name)
    with client.stream.follow(name, "me") as events:
        client.stream.delete(name)
        with pytest.raises(SynapError, match="not found"):
            next(events)


def test_a_subscriber_outlives_its_server(serve):
    server = serve("--memory", port=free_port())
    client = SynapClient(server.url)
    got = []
    subscription = client.pubsub.subscribe(["a.*"])
    thread = beside(subscription, got)
    until(lambda: client.pubsub.publish("a.b", "before") == 1)
    until(lambda: got)
    for kills, end in enumerate((server.kill, server.stop), 1):
        end()
        time.sleep(0.3)
        server.start()
        until(lambda: client.pubsub.publish("a.b", kills) == 1)
        until(lambda: len(got) == 1 + kills)  # it is on its way when publish answers, and a kill would lose it
    assert [item.message for item in got] == ["before", 1, 2]
    assert subscription.reconnects == 2
    subscription.close()
    thread.join(5)
    client.close()


def test_a_followed_stream_goes_on_where_it_was(serve, tmp_path):
    server = serve("--data-dir", str(tmp_path), "--durability", "sync", port=free_port())
    client = SynapClient(server.url, retries=8)
    client.stream.create("s")
    got = []
    events = client.stream.follow("s", "me")
    thread = beside(events, got)
    for round_ in range(2):
        for number in range(50):
            client.stream.publish("s", "n", 50 * round_ + number)
        if round_ == 0:
            server.kill()
            server.start()
    until(lambda: len(got) == 100)
    assert [event.data for event in got] == list(range(100))
    assert events.reconnects == 1
    events.close()
    thread.join(5)
    client.close()


def test_a_stream_that_was_made_anew_meanwhile_is_an_error(serve):
    server = serve("--memory", port=free_port())
    with SynapClient(server.url, retries=8) as client:
        client.stream.create("s")
        for number in range(5):
            client.stream.publish("s", "n", number)
        with client.stream.follow("s", "me") as events:
            assert [next(events).data for _ in range(5)] == [0, 1, 2, 3, 4]
            server.kill()
            server.start()
            client.stream.create("s")
            client.stream.publish("s", "n", "new")
            failures = []

            def wait():
                try:
                    next(events)
                except SynapError as error:
                    failures.append(error.message)

            threading.Thread(target=wait, daemon=True).start()
            until(lambda: failures)
            assert "made anew" in failures[0]


TEXT = (
    "id: 7\nevent: x\ndata: one\ndata:two\n\n: comment\n\n"
    'retry: 5\ndata: {"ü": 1}\r\n\r\nid\ndata: cr\r\revent: lost\n\ndata: open'
)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_events_are_read_however_their_bytes_are_cut(size):
    whole = TEXT.encode()
    parser = SseParser()
    seen = [event for at in range(0, len(whole), size) for event in parser.feed(whole[at : at + size])]
    assert seen == [("x", "one\ntwo", "7"), ("message", '{"ü": 1}', None), ("message", "cr", "")]


def test_an_event_without_end_is_refused():
    parser = SseParser()
    with pytest.raises(ValueError, match="64 MiB"):
        for _ in range(100):
            parser.feed(b"x" * 1_000_000)

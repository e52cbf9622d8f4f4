"""What each call sends and answers, against the built server."""

import asyncio

import pytest

from server import until
from synap_sdk import AsyncSynapClient, SynapError


@pytest.mark.parametrize(
    "value",
    [
        "text",
        "",
        "größe ✓",
        " 7 and more",
        "{not json",
        "nan",
        "Infinity",
        "-Infinity",
        "[NaN]",
        "-",
        42,
        -1,
        2**63,
        1.5,
        True,
        None,
        [],
        [1, "a"],
        {"b": {"a": [None]}},
    ],
)
def test_values_come_back_as_they_went(client, name, value):
    client.kv.set(name, value)
    assert client.kv.get(name) == value
    assert type(client.kv.get(name)) is type(value)
    client.kv.mset({name: value})
    assert client.kv.get(name) == value
    assert client.kv.mget([name]) == [value]


def test_a_string_that_reads_as_json_is_read_and_its_text_is_kept(client, name):
    client.kv.set(name, "42")
    assert client.kv.get(name) == 42
    assert client.kv.get_text(name) == "42"
    assert client.kv.get_bytes(name) == b"42"
    assert client.kv.incr(name) == 43


def test_bytes_that_are_no_text_come_as_bytes(client, name):
    client.kv.set(name, "€")
    client.call("kv.setrange", {"key": name, "offset": 1, "value": "x"})
    assert client.kv.get(name) == client.kv.get_bytes(name) == b"\xe2x\xac"
    client.kv.set(name, "<binary data: 3 bytes>")
    assert client.kv.get(name) == "<binary data: 3 bytes>"


def test_a_key_lives_as_long_as_it_was_told(client, name):
    client.kv.set(name, "v", ttl=100)
    assert 98 <= client.kv.ttl(name) <= 100
    assert client.kv.persist(name) is True
    assert client.kv.ttl(name) is None
    assert client.kv.expire(name, 0) is True
    assert client.kv.get(name) is None
    assert client.kv.expire(name, 10) is False
    client.kv.set(name, "v", ttl=0)
    assert client.kv.exists(name) is False


def test_the_other_key_value_calls(client, name):
    assert client.kv.get(name) is None
    assert client.kv.get_text(name) is None
    assert client.kv.getset(name, "ab") is None
    assert client.kv.append(name, "cd") == 4
    assert client.kv.strlen(name) == 4
    assert client.kv.getset(name, {"n": 1}) == "abcd"
    assert client.kv.getset(name, "x") == {"n": 1}
    assert client.kv.msetnx([(name, 1), (name + "-2", 2)]) is False
    assert client.kv.msetnx([(name + "-3", "s")]) is True
    assert sorted(client.kv.scan(name)) == [name, name + "-3"]
    assert client.kv.keys(name + "-?") == [name + "-3"]
    assert client.kv.dbsize() >= 2
    assert client.kv.stats()["total_keys"] >= 2
    assert client.kv.mdelete([name, name + "-3", "nothing"]) == 2
    assert client.kv.delete(name) is False


def test_counters_are_64_bit(client, name):
    assert client.kv.incrby(name, 2**63 - 1) == 2**63 - 1
    with pytest.raises(SynapError) as caught:
        client.kv.incr(name)
    assert caught.value.status_code == 400
    assert client.kv.decrby(name, 5) == 2**63 - 6
    assert client.kv.incrby(name, -1) == 2**63 - 7


def test_a_message_arrives_with_all_it_was_sent_with(client, name):
    client.queue.create(name, default_max_retries=7, durability="sync")
    every = bytes(range(256))
    sent = client.queue.publish(name, every, priority=9, max_retries=2, headers={"a": "b"})
    message = client.queue.consume(name, "w")
    assert (message.message_id, message.payload, message.priority, message.max_retries) == (sent, every, 9, 2)
    assert message.headers == {"a": "b"}
    assert message.deadline >= message.timestamp
    client.queue.nack(name, message.message_id)
    assert client.queue.consume(name, "w").retry_count == 1
    assert client.queue.consume(name, "w") is None
    client.queue.publish(name, "text")
    assert client.queue.consume(name, "w").max_retries == 7


def test_messages_in_batches(client, name):
    client.queue.create(name)
    ids = client.queue.publish_batch(name, [b"1", b"2", b"3"], priority=1)
    messages = client.queue.consume_batch(name, "w", 2)
    assert [message.payload for message in messages] == [b"1", b"2"]
    assert client.queue.ack_batch(name, [ids[0], ids[2]]) == (1, [ids[2]])
    assert client.queue.purge(name) == 1
    assert client.queue.consume_batch(name, "w") == []
    assert client.queue.explain(name, ids[1])["state"] == "in_flight"


def test_two_publishes_with_one_key_are_one_message(client, name):
    client.queue.create(name)
    first = client.queue.publish(name, b"x", message_key="order-7")
    assert client.queue.publish(name, b"x", message_key="order-7") == first
    assert client.queue.stats(name).depth == 1


def test_a_consume_waits_for_a_message_and_a_delay_is_kept(client, name):
    client.queue.create(name)
    client.queue.publish(name, b"late", delay=0.3)
    assert client.queue.consume(name, "w") is None
    assert client.queue.consume(name, "w", wait=5).payload == b"late"
    assert client.queue.consume(name, "w", wait=0.05) is None


def test_dead_letters_can_be_read_and_replayed(client, name):
    client.queue.create(name)
    ids = client.queue.publish_batch(name, [b"1", b"2"])
    for message in client.queue.consume_batch(name, "w"):
        client.queue.nack(name, message.message_id, requeue=False)
    page = client.queue.dead(name, limit=1)
    assert [(letter.message_id, letter.payload, letter.reason) for letter in page.messages] == [
        (ids[0], b"1", "rejected")
    ]
    assert [letter.message_id for letter in client.queue.dead(name, after=page.next).messages] == [ids[1]]
    assert client.queue.dead_replay(name, [ids[1]]) == [ids[1]]
    assert client.queue.dead_purge(name) == 1
    assert client.queue.consume(name, "w").message_id == ids[1]
    assert client.queue.delete(name) is True
    assert client.queue.delete(name) is False


@pytest.mark.parametrize("data", ["text", 1, None, {"a": [1.5, "ü"]}])
def test_events_come_back_as_they_were_published(client, name, data):
    client.stream.create(name)
    assert client.stream.publish(name, "happened", data, metadata={"by": "me"}) == 0
    [event] = client.stream.consume(name, "me")
    assert (event.offset, event.event, event.data, event.metadata, event.room) == (
        0,
        "happened",
        data,
        {"by": "me"},
        name,
    )


def test_streams_are_read_by_offset(client, name):
    assert client.stream.get_or_create(name, max_events=10_000) is True
    assert client.stream.get_or_create(name) is False
    for number in range(5):
        client.stream.publish(name, "n", number)
    assert [event.data for event in client.stream.consume(name, "me", from_offset=2, limit=2)] == [2, 3]
    assert [event.data for event in client.stream.read(name, "me", 3)] == [3, 4]
    assert client.stream.consume(name, "me", from_offset="latest") == []
    assert client.stream.stats(name).total_published == 5
    with pytest.raises(SynapError) as caught:
        client.stream.create(name)
    assert caught.value.status_code == 400
    client.stream.delete(name)
    assert name not in client.stream.list()


def test_events_lost_to_retention_are_an_error_that_names_the_earliest(client, name):
    client.stream.create(name, max_events=5)
    for number in range(100):
        client.stream.publish(name, "n", number)
    with pytest.raises(SynapError, match="earliest retained offset is"):
        client.stream.consume(name, "me")
    assert client.stream.consume(name, "me", "earliest")[-1].data == 99


def test_a_stream_keeps_its_events_for_its_own_time_and_within_its_own_bytes(client, name):
    with pytest.raises(ValueError, match="retention_hours"):
        client.stream.create(name, retention_hours=-1)
    client.stream.create(name, retention_hours=0.0001)
    client.stream.publish(name, "n", 1)
    until(lambda: client.stream.stats(name).message_count == 0)
    other = f"{name}-bytes"
    assert client.stream.get_or_create(other, retention_hours=0, max_bytes=4)
    for number in range(9):
        client.stream.publish(other, "n", number)
    assert [event.data for event in client.stream.consume(other, "me", "earliest")] == [7, 8]


def test_other_commands_can_be_called_by_name(client, name):
    assert client.call("key.type", {"key": name}, repeatable=True)["type"] == "none"
    with pytest.raises(SynapError) as caught:
        client.call("no.such")
    assert "compare the versions" in caught.value.message


def test_health(client):
    assert client.health()["status"] == "healthy"


def test_the_asynchronous_client_has_the_same_names(server, name):
    async def everything():
        async with AsyncSynapClient(server.url) as client:
            await client.kv.set(name, {"a": 1})
            assert await client.kv.get(name) == {"a": 1}
            assert await asyncio.gather(*(client.kv.incr(name + "-n") for _ in range(50))) is not None
            assert await client.kv.get(name + "-n") == 50
            await client.queue.create(name)
            sent = await client.queue.publish(name, b"x")
            message = await client.queue.consume(name, "w")
            assert message.message_id == sent
            await client.queue.ack(name, sent)
            await client.stream.create(name)
            await client.stream.publish(name, "e", 1)
            assert [event.data async for event in client.stream.read(name, "me")] == [1]
            assert await client.pubsub.publish(name, "x") == 0
            assert (await client.health())["status"] == "healthy"

    asyncio.run(everything())


def test_one_client_serves_many_threads(client, name):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(lambda _: client.kv.incr(name), range(200))) == list(range(1, 201))

"""The worker: handles, settles, renews, stops; and what it does while the server is away."""

import asyncio
import logging
import threading
import time
from collections import Counter

import pytest

from server import free_port, until
from stub import Stub
from synap_sdk import AsyncSynapClient, Reject, SynapClient, SynapError
from synap_sdk._core.leases import Leases
from test_errors import envelope


def test_each_message_is_handled_once_and_confirmed(client, name):
    client.queue.create(name)
    client.queue.publish_batch(name, [str(number).encode() for number in range(50)])
    seen = []
    with client.queue.worker(name, lambda message: seen.append(int(message.payload)), concurrency=4) as worker:
        until(lambda: client.queue.stats(name).acked == 50)
    assert sorted(seen) == list(range(50))
    assert (worker.acked, worker.nacked, worker.lost) == (50, 0, 0)


def test_a_message_whose_handler_raises_comes_back_and_a_rejected_one_is_dead(client, name, caplog):
    client.queue.create(name)
    client.queue.publish(name, b"twice")
    client.queue.publish(name, b"never")
    attempts = Counter()

    def handler(message):
        attempts[message.payload] += 1
        if message.payload == b"never":
            raise Reject("hopeless")
        if message.retry_count == 0:
            raise RuntimeError("not yet")

    with caplog.at_level(logging.CRITICAL, "synap_sdk"), client.queue.worker(name, handler) as worker:
        until(lambda: worker.acked == 1 and worker.nacked == 2)
    assert attempts == {b"twice": 2, b"never": 1}
    assert [letter.payload for letter in client.queue.dead(name).messages] == [b"never"]


def test_a_handler_that_takes_longer_than_the_lease_keeps_its_message(client, name):
    client.queue.create(name, ack_deadline_secs=1)
    client.queue.publish(name, b"slow")
    handled = []

    def handler(message):
        time.sleep(2.5)
        handled.append(message.retry_count)

    with client.queue.worker(name, handler, concurrency=2) as worker:
        until(lambda: worker.acked == 1)
    assert handled == [0]
    assert client.queue.stats(name).nacked == 0


def test_leases_of_many_messages_at_once_are_all_renewed(client, name):
    client.queue.create(name, ack_deadline_secs=1)
    client.queue.publish_batch(name, [b"x"] * 6)
    retries = []

    def handler(message):
        time.sleep(1.6)
        retries.append(message.retry_count)

    with client.queue.worker(name, handler, concurrency=6) as worker:
        until(lambda: worker.acked == 6)
    assert retries == [0] * 6


def test_a_worker_whose_loop_fails_ends_with_that_failure(client, name, monkeypatch):
    client.queue.create(name)
    worker = client.queue.worker(name, print, concurrency=2)
    turns = iter([lambda: None, lambda: 1 / 0])
    monkeypatch.setattr(worker, "_next", lambda: next(turns, lambda: None)())
    with pytest.raises(ZeroDivisionError):
        worker.run()


def test_a_cancelled_worker_settles_what_it_has_in_hand(server, client, name):
    client.queue.create(name)
    client.queue.publish(name, b"x")

    async def work():
        began = asyncio.Event()

        async def handler(_):
            began.set()
            await asyncio.sleep(0.3)

        async with AsyncSynapClient(server.url) as tasks:
            running = asyncio.ensure_future(tasks.queue.worker(name, handler).run())
            await began.wait()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running

    asyncio.run(asyncio.wait_for(work(), 10))
    assert client.queue.stats(name).acked == 1


def test_stopping_waits_for_what_is_in_hand(client, name):
    client.queue.create(name)
    client.queue.publish_batch(name, [b"1", b"2"])
    began = threading.Event()
    worker = client.queue.worker(name, lambda message: (began.set(), time.sleep(0.3)))
    worker.start()
    began.wait(5)
    worker.stop()
    stats = client.queue.stats(name)
    assert (stats.acked, stats.depth, stats.consumers) == (1, 1, 0)


def test_a_handler_may_stop_its_worker(client, name):
    client.queue.create(name)
    client.queue.publish_batch(name, [b"1", b"2"])
    worker = client.queue.worker(name, lambda message: worker.stop())
    worker.run()
    stats = client.queue.stats(name)
    assert (stats.acked, stats.nacked, stats.depth, stats.consumers) == (1, 0, 1, 0)


def test_a_handler_may_stop_its_asynchronous_worker(server, client, name):
    client.queue.create(name)
    client.queue.publish_batch(name, [b"1", b"2"])

    async def work():
        async with AsyncSynapClient(server.url) as connected:
            worker = connected.queue.worker(name, lambda message: worker.stop())
            await worker.run()

    asyncio.run(asyncio.wait_for(work(), 10))
    stats = client.queue.stats(name)
    assert (stats.acked, stats.nacked, stats.depth, stats.consumers) == (1, 0, 1, 0)


def test_run_raises_what_waiting_cannot_mend(stub):
    stub.answers = [envelope(None, False, "Unauthorized: no")]
    with SynapClient(stub.url) as client, pytest.raises(SynapError) as caught:
        client.queue.worker("q", print, concurrency=3).run()
    assert caught.value.status_code == 401


def test_a_worker_waits_for_a_queue_that_is_not_there_yet(client, name):
    seen = []
    with client.queue.worker(name, seen.append):
        time.sleep(0.1)
        client.queue.create(name)
        client.queue.publish(name, b"x")
        until(lambda: len(seen) == 1)


def test_the_asynchronous_worker_takes_functions_of_both_kinds(server, name):
    async def work():
        seen = []

        async def handler(message):
            await asyncio.sleep(0.01)
            seen.append(message.payload)

        async with AsyncSynapClient(server.url) as client:
            await client.queue.create(name)
            await client.queue.publish_batch(name, [b"x"] * 20)
            for one in (handler, lambda message: seen.append(message.payload)):
                async with client.queue.worker(name, one, concurrency=5) as worker:
                    while worker.acked < 10 or (await client.queue.stats(name)).depth:
                        await asyncio.sleep(0.01)
                await client.queue.publish_batch(name, [b"y"] * 20)
        assert seen.count(b"x") == 20 and seen.count(b"y") == 20

    asyncio.run(asyncio.wait_for(work(), 20))


def test_an_ack_whose_answer_was_lost_counts_when_the_message_is_gone():
    message = {"id": "1", "payload": [1], "priority": 5, "retry_count": 0, "max_retries": 3, "headers": {}}
    answers = [
        envelope({"message": message}),
        envelope({"config": {"ack_deadline_secs": 30}}),
        None,
        envelope(None, False, "Message not found: 1"),
        envelope({"message": None}),
    ]
    with Stub(answers=answers) as stub, SynapClient(stub.url) as client:
        with client.queue.worker("q", lambda _: None) as worker:
            until(lambda: worker.acked == 1)
        assert worker.lost == 0


def test_giving_back_is_not_repeated_when_its_answer_was_lost(caplog):
    message = {"id": "1", "payload": [1], "priority": 5, "retry_count": 0, "max_retries": 3, "headers": {}}
    answers = [
        envelope({"message": message}),
        envelope({"config": {"ack_deadline_secs": 30}}),
        None,
        envelope({"message": None}),
    ]

    def fail(_):
        raise RuntimeError

    with caplog.at_level(logging.CRITICAL, "synap_sdk"), Stub(answers=answers) as stub, SynapClient(stub.url) as client:
        with client.queue.worker("q", fail) as worker:
            until(lambda: worker.lost == 1)
        assert sum(b"queue.nack" in request.body for request in stub.requests) == 1


@pytest.mark.parametrize("kind", ["threads", "tasks"])
def test_a_worker_outlives_its_server_and_loses_and_doubles_nothing(serve, tmp_path, caplog, kind):
    """The server is killed twice while a worker is busy. Every message is handled, and none a second time before its
    deadline. (A message whose delivery was lost with the connection comes back at that deadline.)"""
    deadline = 4
    server = serve("--data-dir", str(tmp_path), "--durability", "sync", port=free_port())
    total = 100
    handled = {}

    def note(message):
        handled.setdefault(message.payload, []).append(time.monotonic())

    def killer():
        for at in (20, 60):
            until(lambda: len(handled) >= at, 30)
            server.kill()
            time.sleep(0.2)
            server.start()

    async def tasks():
        async def handler(message):
            await asyncio.sleep(0.005)
            note(message)

        async with AsyncSynapClient(server.url) as client, client.queue.worker("jobs", handler, concurrency=3):
            while len(handled) < total:
                await asyncio.sleep(0.01)

    def handler(message):
        time.sleep(0.005)
        note(message)

    with caplog.at_level(logging.CRITICAL, "synap_sdk"), SynapClient(server.url, retries=10) as client:
        client.queue.create("jobs", ack_deadline_secs=deadline)
        client.queue.publish_batch("jobs", [str(number).encode() for number in range(total)])
        killing = threading.Thread(target=killer)
        killing.start()
        if kind == "tasks":
            asyncio.run(asyncio.wait_for(tasks(), 40))
        else:
            with client.queue.worker("jobs", handler, concurrency=3):
                until(lambda: len(handled) == total, 40)
        killing.join()
        until(lambda: client.queue.detail("jobs")["in_flight"] == 0)
        assert client.queue.detail("jobs")["dead"] == 0
    assert all(
        later - earlier >= deadline - 0.5 for times in handled.values() for earlier, later in zip(times, times[1:])
    )


def test_leases_are_renewed_after_a_third_and_lost_once():
    leases = Leases(30)
    leases.take("a", 0)
    assert leases.due(9.9) == []
    assert leases.sleep(9.5) == 0.5
    assert leases.due(10) == ["a"]
    leases.renewed("a", 10)
    assert leases.due(19.9) == []
    leases.postpone("a", 20)
    assert leases.due(20.9) == [] and leases.due(21) == ["a"]
    assert leases.held("a", 39.9) and not leases.held("a", 40)
    assert leases.lost(39.9) == []
    assert leases.lost(40) == ["a"]
    assert leases.lost(40) == []
    leases.renewed("a", 41)
    assert leases.due(1000) == []


def test_a_worker_looks_at_its_leases_in_time_for_new_ones():
    assert Leases(30).sleep(5) == 1
    assert Leases(1.5).sleep(5) == 0.5

"""The code of the documented Python page, block by block as written but for the address."""

import asyncio
import gc
import textwrap
import threading
import time
import warnings

import pytest

from server import ROOT, Server
from synap_sdk import SynapClient

ADDRESS = "http://localhost:15500"

QUICK_START = """
from synap_sdk import SynapClient

# Create client
client = SynapClient("http://localhost:15500")

# Key-Value operations
client.kv.set("user:1", "John Doe", ttl=3600)
value = client.kv.get("user:1")
client.kv.delete("user:1")

# Queue operations
client.queue.create("jobs", max_depth=1000)
client.queue.publish("jobs", b"Hello", priority=5)
message = client.queue.consume("jobs", "worker-1")
client.queue.ack("jobs", message.message_id)
"""

API_KEY = """
client = SynapClient(
    "http://localhost:15500",
    api_key="sk_live_abc123..."
)
"""

BASIC_AUTH = """
client = SynapClient(
    "http://localhost:15500",
    username="admin",
    password="password"
)
"""

KV_BASIC = """
# Set
client.kv.set("key", "value")
client.kv.set("key", "value", ttl=3600)

# Get
value = client.kv.get("key")

# Delete
client.kv.delete("key")

# Exists
exists = client.kv.exists("key")
"""

KV_BATCH = """
# Multiple set
client.kv.mset([
    ("key1", "value1"),
    ("key2", "value2"),
    ("key3", "value3")
])

# Multiple get
values = client.kv.mget(["key1", "key2", "key3"])
"""

KV_ATOMIC = """
# Increment
value = client.kv.incr("counter")
value = client.kv.incrby("counter", 5)

# Decrement
value = client.kv.decr("counter")
value = client.kv.decrby("counter", 3)
"""

QUEUE_MANAGEMENT = """
# Create queue
client.queue.create("jobs", max_depth=1000, ack_deadline_secs=30)

# List queues
queues = client.queue.list()

# Get stats
stats = client.queue.stats("jobs")
"""

QUEUE_PUBLISHING = """
# Publish message
client.queue.publish("jobs", b"Hello", priority=5)

# With retries
client.queue.publish("jobs", b"Hello", priority=5, max_retries=3)
"""

QUEUE_CONSUMING = """
# Consume message
message = client.queue.consume("jobs", "worker-1")

# Process message
process(message.payload)

# Acknowledge
client.queue.ack("jobs", message.message_id)

# Or reject
client.queue.nack("jobs", message.message_id)
"""

STREAM_MANAGEMENT = """
# Create stream
client.stream.create("notifications", partitions=1, retention_hours=24)

# List streams
streams = client.stream.list()

# Get stats
stats = client.stream.stats("notifications")
"""

STREAM_PUBLISHING = """
# Publish event
client.stream.publish("notifications", "user.signup", "New user registered")
"""

STREAM_CONSUMING = """
# Consume events
events = client.stream.consume("notifications", "user-1", from_offset=0, limit=10)

for event in events:
    print(f"Event: {event.event}, Data: {event.data}")
"""

PUBLISHING = """
# Publish to topic
client.pubsub.publish("notifications.email", "New order received")
"""

SUBSCRIBING = """
import asyncio
from synap_sdk import SynapClient

async def subscribe():
    client = SynapClient("http://localhost:15500")
    
    async for message in client.pubsub.subscribe(["notifications.email"]):
        print(f"Topic: {message.topic}, Message: {message.message}")

asyncio.run(subscribe())
"""

ERRORS = """
from synap_sdk import SynapError

try:
    value = client.kv.get("key")
except SynapError as e:
    print(f"Error: {e.message}, Code: {e.status_code}")
"""

ASYNC = """
import asyncio
from synap_sdk import AsyncSynapClient

async def main():
    client = AsyncSynapClient("http://localhost:15500")
    
    await client.kv.set("key", "value")
    value = await client.kv.get("key")
    print(value)

asyncio.run(main())
"""

ACCOUNTS = textwrap.dedent("""
    auth:
      enabled: true
      require_auth: true
      users:
        - name: admin
          password: "password"
          admin: true
      api_keys:
        - name: page
          key: "sk_live_abc123..."
          admin: true
""")


@pytest.fixture(scope="module")
def fresh():
    """A server of its own, because the page uses plain names."""
    running = Server("--memory")
    yield running
    running.stop()


def run(block, server, **names):
    scope = {"SynapClient": SynapClient, **names}
    exec(compile(block.replace(ADDRESS, server.url), "page", "exec"), scope)
    return scope


@pytest.fixture
def client(fresh):
    with SynapClient(fresh.url) as connected:
        yield connected
        for queue in connected.queue.list():
            connected.queue.delete(queue)
        for stream in connected.stream.list():
            connected.stream.delete(stream)
        connected.kv.mdelete(connected.kv.keys())


def test_quick_start(fresh, client):
    after = run(QUICK_START, fresh)
    assert after["value"] == "John Doe"
    assert after["message"].payload == b"Hello"
    assert client.kv.get("user:1") is None
    assert client.queue.stats("jobs").acked == 1
    after["client"].close()


@pytest.mark.parametrize("block", [API_KEY, BASIC_AUTH], ids=["api key", "basic"])
def test_authentication(serve, tmp_path, block):
    settings = ROOT / "test" / "conformance" / "profiles" / "auth.yaml"
    if not settings.exists():
        settings = tmp_path / "accounts.yaml"
        settings.write_text(ACCOUNTS)
    running = serve("--memory", "--config", str(settings))
    with run(block, running)["client"] as known:
        known.kv.set("key", "value")
        assert known.kv.get("key") == "value"


def test_kv_basic(fresh, client):
    after = run(KV_BASIC, fresh, client=client)
    assert (after["value"], after["exists"]) == ("value", False)


def test_kv_batch(fresh, client):
    assert run(KV_BATCH, fresh, client=client)["values"] == ["value1", "value2", "value3"]
    assert client.kv.get("key2") == "value2"


def test_kv_atomic(fresh, client):
    assert run(KV_ATOMIC, fresh, client=client)["value"] == 2


def test_queue_management(fresh, client):
    after = run(QUEUE_MANAGEMENT, fresh, client=client)
    assert after["queues"] == ["jobs"]
    assert after["stats"].depth == 0
    assert client.queue.detail("jobs")["config"]["max_depth"] == 1000


def test_queue_publishing_and_consuming(fresh, client):
    client.queue.create("jobs")
    run(QUEUE_PUBLISHING, fresh, client=client)
    assert client.queue.stats("jobs").depth == 2
    processed = []
    acknowledge, _, reject = QUEUE_CONSUMING.partition("# Or reject")
    run(acknowledge, fresh, client=client, process=processed.append)
    consume = QUEUE_CONSUMING.partition("# Process message")[0]
    after = run(consume + reject, fresh, client=client)
    assert processed == [b"Hello"]
    assert after["message"].max_retries == 3
    stats = client.queue.stats("jobs")
    assert (stats.acked, stats.nacked, stats.depth) == (1, 1, 1)


def test_streams(fresh, client, capsys):
    after = run(STREAM_MANAGEMENT, fresh, client=client)
    assert after["streams"] == ["notifications"]
    assert after["stats"].total_published == 0
    run(STREAM_PUBLISHING, fresh, client=client)
    run(STREAM_CONSUMING, fresh, client=client)
    assert capsys.readouterr().out == "Event: user.signup, Data: New user registered\n"


def test_pubsub(fresh, client, capsys):
    def publish():
        while not client.pubsub.publish("notifications.email", "ping"):
            time.sleep(0.01)
        run(PUBLISHING, fresh, client=client)

    async def ended(listening):
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(listening, 2)

    publisher = threading.Thread(target=publish)
    publisher.start()
    endless = SUBSCRIBING.replace("asyncio.run(subscribe())", "asyncio.run(ended(subscribe()))")
    run(endless, fresh, ended=ended)
    publisher.join()
    assert "Topic: notifications.email, Message: New order received\n" in capsys.readouterr().out


def test_error_handling(fresh, client, capsys):
    run(ERRORS, fresh, client=client)
    assert capsys.readouterr().out == ""
    with SynapClient("http://127.0.0.1:9", retries=0) as nowhere:
        run(ERRORS, fresh, client=nowhere)
    assert capsys.readouterr().out.startswith("Error: cannot reach http://127.0.0.1:9")


def test_async_support(fresh, client, capsys):
    run(ASYNC, fresh)
    assert capsys.readouterr().out == "value\n"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the page does not close its client
        gc.collect()

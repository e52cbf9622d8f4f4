"""What the SDK itself costs: CPU of 10,000 kv.get against bare httpx doing the same on the same server.

    python bench.py [--url http://localhost:15500] [--calls 10000] [--pairs 5]

Prints a line per way of calling and ends with 1 when a ratio is above 1.3. Bare httpx sends the same bytes with the
same headers and reads the payload out of the answer. Both are measured in turn, in slices, so that the machine's moods
meet both; the ratio is the median of the pairs. Without --url it starts the built server.
"""

import argparse
import asyncio
import gc
import statistics
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parent / "tests"))
from server import Server  # noqa: E402
from synap_sdk import AsyncSynapClient, SynapClient  # noqa: E402

LIMIT = 1.3
BATCH = 100
HEADERS = {"accept-encoding": "identity"}


def bare_body(number):
    return {"command": "kv.get", "request_id": str(number), "payload": {"key": "bench"}}


def one_after_the_other(url):
    sdk, bare = SynapClient(url), httpx.Client(headers=HEADERS)
    endpoint = url + "/api/v1/command"

    def by_sdk(calls):
        for _ in range(calls):
            assert sdk.kv.get("bench") == "value"

    def by_httpx(calls):
        for number in range(calls):
            assert bare.post(endpoint, json=bare_body(number)).json()["payload"] == "value"

    return by_sdk, by_httpx


def awaited(url, batch):
    """Asynchronous, `batch` at a time."""
    loop = asyncio.new_event_loop()

    async def clients():
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        return AsyncSynapClient(url), httpx.AsyncClient(headers=HEADERS, limits=limits)

    sdk, bare = loop.run_until_complete(clients())
    endpoint = url + "/api/v1/command"

    async def one_by_httpx(number):
        answer = await bare.post(endpoint, json=bare_body(number))
        assert answer.json()["payload"] == "value"

    async def one_by_sdk(_):
        assert await sdk.kv.get("bench") == "value"

    def runner(one):
        async def run(calls):
            for start in range(0, calls, batch):
                if batch == 1:
                    await one(start)
                else:
                    await asyncio.gather(*(one(number) for number in range(start, start + batch)))

        return lambda calls: loop.run_until_complete(run(calls))

    return runner(one_by_sdk), runner(one_by_httpx)


def cpu(work, calls):
    gc.collect()
    began = time.process_time()
    work(calls)
    return time.process_time() - began


@contextmanager
def server(url):
    if url is not None:
        yield url
        return
    started = Server("--memory")
    try:
        yield started.url
    finally:
        started.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url")
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    slice_ = max(BATCH, options.calls // options.pairs // BATCH * BATCH)
    worst = 0.0
    with server(options.url) as url:
        with SynapClient(url) as client:
            client.kv.set("bench", "value")
        ways = {
            "one after the other": one_after_the_other(url),
            "awaited one by one": awaited(url, 1),
            f"awaited {BATCH} at once": awaited(url, BATCH),
        }
        for name, (by_sdk, by_httpx) in ways.items():
            by_sdk(BATCH), by_httpx(BATCH)  # connections, caches
            pairs = [(cpu(by_sdk, slice_), cpu(by_httpx, slice_)) for _ in range(options.pairs)]
            ratio = statistics.median(ours / theirs for ours, theirs in pairs)
            ours, theirs = (statistics.median(column) / slice_ * 1e6 for column in zip(*pairs))
            print(
                f"{name}: {options.pairs * slice_} calls, {ours:.0f} us CPU a call, "
                f"httpx {theirs:.0f} us, ratio {ratio:.2f}"
            )
            worst = max(worst, ratio)
    return 0 if worst <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())

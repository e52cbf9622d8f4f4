"""A live dashboard: figures that change under keys, and alarms that are published, in one view as they happen.

python dashboard.py http://localhost:15500 20
"""

import asyncio
import sys

from synap_sdk import AsyncSynapClient

shown = 0


def line(text):
    global shown
    shown += 1
    print(text, flush=True)


async def figures(client, ready):
    async with client.kv.watch(["figure:*"]) as changes:
        ready.set()
        async for change in changes:
            line(f"{change.key.partition(':')[2]:>8} = {change.value}")


async def alarms(client, ready):
    async with client.pubsub.subscribe(["alarm.*"]) as messages:
        ready.set()
        async for message in messages:
            line(f"{message.topic.partition('.')[2]:>8} ! {message.message}")


async def machine(client):
    """What would be many machines: reports figures, and an alarm now and then."""
    number = 0
    while True:
        await client.kv.set("figure:load", number % 7)
        if number % 3 == 0:
            await client.pubsub.publish("alarm.disk", f"{90 + number % 10} % full")
        number += 1
        await asyncio.sleep(0.02)


async def main(url, lines):
    async with AsyncSynapClient(url) as client:
        signals = [asyncio.Event(), asyncio.Event()]
        tasks = [asyncio.ensure_future(figures(client, signals[0])), asyncio.ensure_future(alarms(client, signals[1]))]
        for signal in signals:
            await signal.wait()
        tasks.append(asyncio.ensure_future(machine(client)))
        while shown < lines:
            await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(
        main(
            sys.argv[1] if len(sys.argv) > 1 else "http://localhost:15500",
            int(sys.argv[2]) if len(sys.argv) > 2 else 20,
        )
    )

"""A chat room: shows what was said before, then what is said now, and says what is typed.

python chat.py http://localhost:15500 kitchen ana
"""

import asyncio
import sys

from synap_sdk import AsyncSynapClient


async def show(client, room, me):
    """The history from the start, then live. A lost connection is made anew, without a line lost or doubled."""
    async with client.stream.follow(room, me) as lines:
        async for line in lines:
            print(f"{line.data['who']}: {line.data['text']}", flush=True)


async def main(url, room, me):
    async with AsyncSynapClient(url) as client:
        await client.stream.get_or_create(room)
        showing = asyncio.ensure_future(show(client, room, me))
        while typed := await asyncio.to_thread(sys.stdin.readline):
            await client.stream.publish(room, "said", {"who": me, "text": typed.strip()})
        await asyncio.sleep(0.5)  # what was said last is on its way back
        showing.cancel()


if __name__ == "__main__":
    url, room, me = (sys.argv[1:] + ["http://localhost:15500", "kitchen", "ana"][len(sys.argv) - 1 :])[:3]
    asyncio.run(main(url, room, me))

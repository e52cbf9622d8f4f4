"""A job worker: publishes jobs, handles them four at a time, and shows what becomes of bad ones.

python job_worker.py http://localhost:15500
"""

import json
import sys
import time

from synap_sdk import Reject, SynapClient


def resize(message):
    """The work. Returning confirms it; raising has it tried again; Reject gives it up."""
    job = json.loads(message.payload)
    if job["width"] <= 0:
        raise Reject("no picture is that narrow")
    time.sleep(0.01)
    sys.stdout.write(f"resized {job['picture']} to {job['width']}\n")  # in one piece, whatever other threads print


def main(url):
    with SynapClient(url) as client:
        client.queue.create("pictures", ack_deadline_secs=30, default_max_retries=3)
        for number in range(9):
            job = {"picture": f"{number}.png", "width": 640}
            client.queue.publish("pictures", json.dumps(job), message_key=job["picture"])
        client.queue.publish("pictures", json.dumps({"picture": "bad.png", "width": 0}), priority=9)

        with client.queue.worker("pictures", resize, concurrency=4) as worker:
            while worker.acked + worker.nacked < 10:  # a real worker would call worker.run() and stay
                time.sleep(0.05)

        print(f"done {worker.acked}, given up {len(client.queue.dead('pictures').messages)}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://localhost:15500")

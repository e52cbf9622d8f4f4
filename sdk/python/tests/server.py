"""Runs the built server for tests, on a port of its own, and ends it."""

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
MAIN = ROOT / "dist" / "main.js"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """`node dist/main.js` with these arguments. `kill` and `start` may be called again and again."""

    def __init__(self, *arguments, port=0, environment=None):
        self.arguments = [*arguments, "--port", str(port)]
        self.environment = {**os.environ, **(environment or {})}
        self.port = port
        self.process = None
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        self.process = subprocess.Popen(
            ["node", str(MAIN), *self.arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=self.environment,
            text=True,
        )
        seen = []
        for line in self.process.stdout:
            seen.append(line)
            try:
                said = json.loads(line)
            except ValueError:
                continue
            if isinstance(said, dict) and "port" in said:
                self.port = said["port"]
                return
        raise RuntimeError("the server did not start:\n" + "".join(seen))

    def kill(self):
        self._end(signal.SIGKILL)

    def stop(self):
        self._end(signal.SIGTERM)

    def _end(self, number):
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(20)
            self.process.stdout.close()
            self.process = None


def until(condition, seconds=10.0):
    """Waits until a condition holds; fails when it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)

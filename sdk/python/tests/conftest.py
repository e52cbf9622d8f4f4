"""What tests share: a server with an open door, one with accounts, a client of each, and a server that misbehaves."""

import subprocess
import uuid

import pytest

from server import MAIN, ROOT, Server
from stub import Stub
from synap_sdk import SynapClient, _async, _sync


def pytest_configure(config):
    """Builds the server when it is missing; once, and not in every process that runs tests."""
    if not MAIN.exists() and not hasattr(config, "workerinput"):
        subprocess.run(["npm", "run", "--silent", "build"], cwd=ROOT, check=True)


@pytest.fixture(scope="session")
def server():
    running = Server("--memory")
    yield running
    running.stop()


@pytest.fixture
def serve():
    """Starts further servers, which end with the test however it ends."""
    running = []

    def start(*arguments, **options):
        running.append(Server(*arguments, **options))
        return running[-1]

    yield start
    for one in running:
        one.stop()


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """Idle workers look up more often whether they should stop."""
    for shell in (_async.worker, _sync.worker):
        monkeypatch.setattr(shell, "POLL_SECONDS", 0.25)


@pytest.fixture
def client(server):
    with SynapClient(server.url, timeout=5) as connected:
        yield connected


@pytest.fixture
def name():
    """A name that no other test uses."""
    return f"test-{uuid.uuid4()}"


@pytest.fixture
def stub():
    with Stub() as running:
        yield running

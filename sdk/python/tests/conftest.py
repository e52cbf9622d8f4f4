"""What tests share: a server with an open door, one with accounts, a client of each, and a server that misbehaves."""

import subprocess
import uuid

import pytest

from server import MAIN, ROOT, Server
from stub import Stub
import synap_sdk._async.worker
import synap_sdk._sync.worker
from synap_sdk import SynapClient, _async, _sync


@pytest.fixture(scope="session")
def built():
    if not MAIN.exists():
        subprocess.run(["npm", "run", "--silent", "build"], cwd=ROOT, check=True)


@pytest.fixture(scope="session")
def server(built):
    running = Server("--memory")
    yield running
    running.stop()


@pytest.fixture
def serve(built):
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

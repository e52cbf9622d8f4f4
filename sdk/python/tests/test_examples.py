"""The examples run, each as a program of its own, and do what they say."""

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def run(name, *arguments, typed=""):
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments], input=typed, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_every_example_is_run():
    assert {path.name for path in EXAMPLES.glob("*.py")} == {"job_worker.py", "chat.py", "counter.py", "dashboard.py"}


def test_the_job_worker(server, client):
    lines = run("job_worker.py", server.url)
    assert sorted(lines[:-1]) == [f"resized {number}.png to 640" for number in range(9)]
    assert lines[-1] == "done 9, given up 1"


def test_the_chat(server, name):
    assert run("chat.py", server.url, name, "ana", typed="hello\nanybody?\n") == ["ana: hello", "ana: anybody?"]
    assert run("chat.py", server.url, name, "bob", typed="me\n") == ["ana: hello", "ana: anybody?", "bob: me"]


def test_the_counter(server):
    assert run("counter.py", server.url, "add", "5") == ["5 after 1 events"]
    assert run("counter.py", server.url, "add", "2") == ["7 after 2 events"]
    assert run("counter.py", server.url, "reset") == ["0 after 3 events"]
    assert run("counter.py", server.url, "add") == ["1 after 4 events"]
    assert run("counter.py", server.url) == ["1 after 4 events"]


def test_the_dashboard(server):
    lines = run("dashboard.py", server.url, "20")
    assert len(lines) >= 20
    assert any("load = " in line for line in lines)
    assert any("disk ! 9" in line for line in lines)

"""The package itself: typed, current, and readable for the oldest Python it promises."""

import ast
import inspect
import sys
from importlib import metadata, resources
from pathlib import Path

import pytest

import synap_sdk

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))
import generate  # noqa: E402

SOURCES = sorted((PROJECT / "src").rglob("*.py"))


def test_the_synchronous_shells_are_what_their_sources_make_of_them():
    assert generate.stale() == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PROJECT / "src").as_posix())
def test_every_file_is_of_python_3_9_and_says_what_it_is(path):
    tree = ast.parse(path.read_text("utf-8"), feature_version=(3, 9))
    assert ast.get_docstring(tree)
    names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    assert "match" not in names


USE = """
from typing import List, Optional
from progressdb import AsyncProgressDBClient, ProgressDBClient
from synap_sdk import AsyncSynapClient, Event, Message, SynapClient, SynapError

client = SynapClient("http://a", api_key="k")
found: Optional[Message] = client.queue.consume("q", "w")
events: List[Event] = client.stream.consume("s", "me", from_offset="earliest")
number: int = client.kv.incr("n")
for message in client.pubsub.subscribe(["t"]):
    topic: str = message.topic
threads: int = len(ProgressDBClient("http://a").list_threads(author="a"))


async def main() -> None:
    other = AsyncSynapClient("http://a", username="u", password="p")
    found: Optional[Message] = await other.queue.consume("q", "w")
    async for message in other.pubsub.subscribe(["t"]):
        topic: str = message.topic
    async for event in other.stream.read("s", "me"):
        offset: int = event.offset
    async for message in client.pubsub.subscribe(["t"]):
        topic = message.topic
    first: str = (await AsyncProgressDBClient("http://a").list_threads(author="a"))[0]["id"]


def code(error: SynapError) -> Optional[int]:
    return error.status_code


client.queue.publish("q", {"a": 1})  # type: ignore[arg-type]
client.kv.set("k", "v", ttl="60")  # type: ignore[arg-type]
client.kv.nothing()  # type: ignore[attr-defined]
"""


def test_types_are_marked_and_hold_inside_and_for_users(tmp_path, monkeypatch):
    api = pytest.importorskip("mypy.api")
    for module in ("synap_sdk", "progressdb"):
        assert resources.files(module).joinpath("py.typed").is_file()
    use = tmp_path / "use.py"
    use.write_text(USE)
    monkeypatch.setenv("MYPYPATH", str(PROJECT / "src"))
    options = ["--strict", "--warn-unused-ignores", "--python-version", "3.10", "--cache-dir", "/dev/null"]
    output, errors, status = api.run([*options, "-p", "synap_sdk", "-p", "progressdb"])
    assert status == 0, output + errors
    output, errors, status = api.run([*options, str(use)])
    assert status == 0, output + errors


def test_both_clients_have_the_same_names_and_parameters():
    for family in ("kv", "queue", "stream", "pubsub"):
        one = type(getattr(synap_sdk.SynapClient("http://a"), family))
        other = type(getattr(synap_sdk.AsyncSynapClient("http://a"), family))
        names = {name for name in dir(one) if not name.startswith("_")}
        assert names == {name for name in dir(other) if not name.startswith("_")}
        for name in names:
            assert list(inspect.signature(getattr(one, name)).parameters) == list(
                inspect.signature(getattr(other, name)).parameters
            )
            assert inspect.getdoc(getattr(one, name)) == inspect.getdoc(getattr(other, name))
    assert list(inspect.signature(synap_sdk.SynapClient).parameters) == list(
        inspect.signature(synap_sdk.AsyncSynapClient).parameters
    )


def test_the_version_is_that_of_the_distribution():
    try:
        assert metadata.version("synapd") == synap_sdk.__version__
    except metadata.PackageNotFoundError:
        pytest.skip("run from the sources")

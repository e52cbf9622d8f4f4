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


def test_types_are_marked_and_hold():
    api = pytest.importorskip("mypy.api")
    for module in ("synap_sdk", "progressdb"):
        assert resources.files(module).joinpath("py.typed").is_file()
    output, errors, status = api.run(["--config-file", str(PROJECT / "pyproject.toml"), "--python-version", "3.10", "--cache-dir", "/dev/null", str(PROJECT / "src")])
    assert status == 0, output + errors


def test_both_clients_have_the_same_names_and_parameters():
    for family in ("kv", "queue", "stream", "pubsub"):
        one = type(getattr(synap_sdk.SynapClient("http://a"), family))
        other = type(getattr(synap_sdk.AsyncSynapClient("http://a"), family))
        names = {name for name in dir(one) if not name.startswith("_")}
        assert names == {name for name in dir(other) if not name.startswith("_")}
        for name in names:
            assert list(inspect.signature(getattr(one, name)).parameters) == list(inspect.signature(getattr(other, name)).parameters)
            assert inspect.getdoc(getattr(one, name)) == inspect.getdoc(getattr(other, name))
    assert list(inspect.signature(synap_sdk.SynapClient).parameters) == list(inspect.signature(synap_sdk.AsyncSynapClient).parameters)


def test_the_version_is_that_of_the_distribution():
    try:
        assert metadata.version("synapd") == synap_sdk.__version__
    except metadata.PackageNotFoundError:
        pytest.skip("run from the sources")

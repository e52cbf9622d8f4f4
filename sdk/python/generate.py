"""Makes the synchronous shells from the asynchronous ones, so that each behaviour is written once, and the reference.

`python generate.py` writes `_sync/` of both packages and REFERENCE.md; with `--check` it only says whether they are
current.
Files that begin with `_runtime` are written by hand on both sides: they are where threads and tasks differ.
"""

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent / "src"
REFERENCE = Path(__file__).parent / "REFERENCE.md"
INTRODUCTION = """# Python reference

Made by generate.py from the sources; change those instead. `AsyncSynapClient` and `AsyncProgressDBClient` have the
same names, awaited, and `aclose` for `close`.
"""
PAGES = (
    ("SynapClient", "synap_sdk/_async/client.py", ["SynapClient"]),
    ("client.kv", "synap_sdk/_async/kv.py", ["KV"]),
    ("client.queue", "synap_sdk/_async/queue.py", ["Queue"]),
    ("client.queue.worker", "synap_sdk/_async/worker.py", ["Worker"]),
    ("client.stream", "synap_sdk/_async/stream.py", ["Stream"]),
    ("client.pubsub", "synap_sdk/_async/pubsub.py", ["PubSub"]),
    ("Feeds: subscribe, watch, follow", "synap_sdk/_async/feed.py", ["Feed"]),
    ("", "synap_sdk/errors.py", ["SynapError", "Reject"]),
    (
        "",
        "synap_sdk/models.py",
        ["Message", "DeadLetter", "QueueStats", "Event", "StreamStats", "PubSubMessage", "KeyChange"],
    ),
    ("progressdb.ProgressDBClient", "progressdb/_async/client.py", ["ProgressDBClient"]),
    ("progressdb.ApiError", "progressdb/errors.py", ["ApiError"]),
    ("progressdb.Listing", "progressdb/listing.py", ["Listing"]),
)
HEADER = "# Made by generate.py from {source}; change that file instead.\n"

WORDS = [
    (r"\basync (def|for|with)\b", r"\1"),
    (r"\bawait\s+", ""),
    (r"__aenter__", "__enter__"),
    (r"__aexit__", "__exit__"),
    (r"__aiter__", "__iter__"),
    (r"__anext__", "__next__"),
    (r"\bStopAsyncIteration\b", "StopIteration"),
    (r"\baclose\b", "close"),
    (r"\baiter_raw\b", "iter_raw"),
    (r"\baread\b", "read"),
    (r"\bAsync([A-Z]\w*)", r"\1"),
    (r"\b_async\b", "_sync"),
    (r"\bAwaitable\[None\]", "None"),
]


def translated(text: str, source: str) -> str:
    for pattern, replacement in WORDS:
        text = re.sub(pattern, replacement, text)
    return HEADER.format(source=source) + text


def targets():
    for folder in sorted(ROOT.glob("*/_async")):
        for source in sorted(folder.glob("*.py")):
            if not source.name.startswith("_runtime"):
                yield source, folder.parent / "_sync" / source.name


def stale() -> list:
    """The files that are not what their source makes of them, each with what it should be."""
    found = []
    for source, target in targets():
        text = translated(source.read_text("utf-8"), source.relative_to(ROOT).as_posix())
        if not target.exists() or target.read_text("utf-8") != text:
            found.append((target, text))
    page = reference()
    if not REFERENCE.exists() or REFERENCE.read_text("utf-8") != page:
        found.append((REFERENCE, page))
    return found


def reference() -> str:
    """Every public class with its methods, as the sources say it."""
    parts = [INTRODUCTION]
    for title, source, names in PAGES:
        tree = ast.parse(translated((ROOT / source).read_text("utf-8"), source))
        classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        parts += [section(title if len(names) == 1 else name, classes[name]) for name in names]
    return "\n".join(parts)


def section(title: str, node: ast.ClassDef) -> str:
    lines = [f"## {title}", "", ast.get_docstring(node) or "", ""]
    members = [item for item in node.body if isinstance(item, ast.AnnAssign)]
    if members and not any(isinstance(item, ast.FunctionDef) and item.name == "__init__" for item in node.body):
        lines += ["    " + ast.unparse(item) for item in members] + [""]
    for item in node.body:
        made_by_users = getattr(item, "name", "") == "__init__" and node.name in ("SynapClient", "ProgressDBClient")
        if isinstance(item, ast.FunctionDef) and (made_by_users or not item.name.startswith("_")):
            if any("classmethod" in ast.unparse(decorator) for decorator in item.decorator_list):
                continue
            arguments = ast.unparse(item.args).removeprefix("self").removeprefix(", ")
            answer = f" -> {ast.unparse(item.returns)}" if item.returns is not None and item.name != "__init__" else ""
            name = node.name if item.name == "__init__" else item.name
            lines += [f"### `{name}({arguments}){answer}`", ""]
            if item.name != "__init__" and ast.get_docstring(item):
                lines += [ast.get_docstring(item), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    behind = stale()
    if "--check" in sys.argv:
        for target, _ in behind:
            print(f"{target} is behind its source; run generate.py")
        sys.exit(1 if behind else 0)
    for target, text in behind:
        target.write_text(text, "utf-8")
        print(f"wrote {target.name}")

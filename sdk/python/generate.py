"""Makes the synchronous shells from the asynchronous ones, so that each behaviour is written once.

`python generate.py` writes `_sync/` of both packages; `python generate.py --check` only says whether they are current.
Files that begin with `_runtime` are written by hand on both sides: they are where threads and tasks differ.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent / "src"
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
    """The synchronous files that are not what their source makes of them."""
    found = []
    for source, target in targets():
        text = translated(source.read_text("utf-8"), source.relative_to(ROOT).as_posix())
        if not target.exists() or target.read_text("utf-8") != text:
            found.append((target, text))
    return found


if __name__ == "__main__":
    behind = stale()
    if "--check" in sys.argv:
        for target, _ in behind:
            print(f"{target} is behind its source; run generate.py")
        sys.exit(1 if behind else 0)
    for target, text in behind:
        target.write_text(text, "utf-8")
        print(f"wrote {target.relative_to(ROOT)}")

"""The pages of the documentation, and the examples in them.

The tests run an example if a comment before it names the caller: `<!-- run: siti -->`, `<!-- run: anonymous -->`,
`<!-- run: official; stopped: crm -->`. The next block is the operation; a block of variables may follow, and the answer
as JSON. Whitespace does not count, everything else does.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
NOT_OURS = {".venv", "node_modules", ".simpul", ".git", ".pytest_cache"}

_FENCE = re.compile(r"^```(?P<kind>[\w-]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_RUN = re.compile(
    r"<!-- run: (?P<caller>\w+)(?:; stopped: (?P<stopped>\w+))? -->\s*"
    r"```graphql\n(?P<query>.*?)```"
    r"(?:[^`#]*?```json variables\n(?P<variables>.*?)```)?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block of a page."""

    page: str
    line: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocExample:
    """An operation with its answer."""

    page: str
    line: int
    caller: str | None
    stopped_agency: str | None
    query: str
    variables: Mapping[str, Any]
    answer: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Page and line."""
        return f"{self.page}:{self.line}"


def find_pages() -> list[Path]:
    """Every Markdown page of the project."""
    found = []
    for folder, inner, files in os.walk(ROOT):
        inner[:] = [name for name in inner if name not in NOT_OURS]  # node_modules alone has a thousand folders
        found += [Path(folder, name) for name in files if name.endswith(".md")]
    return sorted(found)


def page_name(path: Path) -> str:
    """A page by its path in the project."""
    return str(path.relative_to(ROOT))


def read_pages(*names: str) -> str:
    """The text of pages by their paths in the project."""
    return "\n".join((ROOT / name).read_text(encoding="utf-8") for name in names)


def find_blocks(kind: str) -> Iterator[Block]:
    """Every fenced block of a kind."""
    for path in find_pages():
        text = path.read_text(encoding="utf-8")
        for match in _FENCE.finditer(text):
            if match["kind"] == kind:
                yield Block(page=page_name(path), line=_line_number(text, match.start()), kind=kind, text=match["text"])


def find_examples() -> list[DocExample]:
    """Every example that the tests run."""
    return [example for path in find_pages() for example in _examples_of(path)]


def _examples_of(path: Path) -> Iterator[DocExample]:
    text = path.read_text(encoding="utf-8")
    for match in _RUN.finditer(text):
        answer = next((each for each in _FENCE.finditer(text, match.end()) if each["kind"] == "json"), None)
        if answer is None:
            raise ValueError(
                f"{page_name(path)}:{_line_number(text, match.start())} has no answer; add a block of JSON after it."
            )
        yield DocExample(
            page=page_name(path),
            line=_line_number(text, match.start()),
            caller=None if match["caller"] == "anonymous" else match["caller"],
            stopped_agency=match["stopped"],
            query=match["query"],
            variables=json.loads(match["variables"] or "{}"),
            answer=json.loads(answer["text"]),
        )


def _line_number(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1

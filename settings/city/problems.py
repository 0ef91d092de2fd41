"""Problems of a city folder: each names its file, its line, its place and the fix, and never a value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_HEADER: Final = re.compile(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?")
_KEY: Final = re.compile(
    r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)


@dataclass(frozen=True, slots=True)
class CityProblem:
    """One problem of a file, or of the whole folder."""

    path: Path
    line: int | None
    place: str
    """The path of a key: `wire.url`; empty for a whole file."""
    text: str
    """What is wrong, and the fix."""
    variable: str | None = None
    """The environment variable that the value comes from."""

    def __str__(self) -> str:
        """The problem in one line."""
        at = f"{self.path}:{self.line}" if self.line is not None else str(self.path)
        return f"{at}: {self.place}: {self.text}" if self.place else f"{at}: {self.text}"


class ManifestError(ValueError):
    """A city folder that cannot be used. The text names every problem, separated by `; `."""

    def __init__(self, problems: Iterable[CityProblem]) -> None:
        """Takes one problem at least."""
        self.problems = tuple(problems)
        super().__init__("; ".join(str(each) for each in self.problems))


def find_line(text: str, keys: Sequence[str]) -> int:
    """The line, from 1, of the key in a TOML text, or of the nearest table around it; 1 if there is none.

    `tomllib` keeps no positions. Inline tables and texts of several lines count as their first line.
    """
    best, best_depth, table = 1, 0, []
    for number, line in enumerate(text.splitlines(), start=1):
        header = _HEADER.fullmatch(line)
        key = None if header else _KEY.match(line)
        if header is not None:
            table = found = _split_keys(header[1])
        elif key is not None:
            found = [*table, *_split_keys(key[1])]
        else:
            continue
        depth = min(len(found), len(keys))
        if depth > best_depth and found[:depth] == list(keys[:depth]):
            best, best_depth = number, depth
    return best


def _split_keys(dotted: str) -> list[str]:
    return [each.strip().strip("\"'") for each in dotted.split(".")]

"""The manifest of an agency: what it declares, in one TOML file of the city folder.

Errors name the file, the line and the fix, and never a value: a manifest may hold secrets.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

from pydantic import ValidationError

from connectors.declared.connector import DeclaredTables
from connectors.declared.tables import NotDeclarableError

_MAX_FILE_BYTES: Final = 1024 * 1024
_HEADER: Final = re.compile(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?")
_KEY: Final = re.compile(
    r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)


class ManifestError(ValueError):
    """A manifest that cannot be used. The text is one line: file, line, place, problem and fix."""


class AgencyManifest(DeclaredTables):
    """What the manifest of an agency declares."""


class ManifestFile:
    """A manifest with the file that it came from, so that later problems can name their line."""

    def __init__(self, path: Path, text: str, manifest: AgencyManifest) -> None:
        """Take what `load` read."""
        self.path = path
        self.manifest = manifest
        self._text = text

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read and check a manifest. Raises `ManifestError`."""
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise ManifestError(f"{path}: the manifest cannot be read: {error.strerror}") from None
        if len(raw) > _MAX_FILE_BYTES:
            raise ManifestError(f"{path}: the manifest is larger than {_MAX_FILE_BYTES} bytes")
        try:
            text = raw.decode("utf-8")
            given = tomllib.loads(text)
        except ValueError as error:
            raise ManifestError(f"{path}: the manifest is no TOML: {error}") from None
        try:
            return cls(path, text, AgencyManifest.model_validate(given))
        except ValidationError as error:
            lines = [
                _describe(path, text, _as_keys(each["loc"]), each["msg"].removeprefix("Value error, "))
                for each in error.errors(include_input=False, include_url=False)
            ]
            raise ManifestError("; ".join(lines)) from None

    def explain(self, error: NotDeclarableError) -> ManifestError:
        """The same problem, with the file and the line."""
        return ManifestError(_describe(self.path, self._text, error.place.split("."), error.problem))


def _as_keys(location: Sequence[Any]) -> list[str]:
    return [str(each) for each in location]


def _describe(path: Path, text: str, keys: Sequence[str], problem: str) -> str:
    return f"{path}:{find_line(text, keys)}: {'.'.join(keys)}: {problem}"


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
        if len(found) > best_depth and found == list(keys[: len(found)]):
            best, best_depth = number, len(found)
    return best


def _split_keys(dotted: str) -> list[str]:
    return [each.strip().strip("\"'") for each in dotted.split(".")]

"""What a stand-in server of an agency is made from: the agency's manifest and its synthetic samples.

The samples are in the city folder, `samples/<code>/`. Their form follows from the driver: replies by request for a
service over HTTP (`sandbox/stand_ins/replies.py`), and one file of rows a table for a database
(`sandbox/stand_ins/tables.py`).
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sandbox.agency import CannotStartError

CITY_VARIABLE: Final = "SANDBOX_CITY"
"""Names the city folder of an agency that is served from its samples."""
EXPECTED: Final = "expected.json"
"""Written by hand: the answers that tests expect of the samples."""
DATABASE: Final = "samples"
"""The database of a stand-in that is one."""
_REFERENCE: Final = re.compile(r"\$\{(SIMPUL_[A-Z0-9_]+)\}")


@dataclass(frozen=True)
class StandInSource:
    """An agency of a city folder."""

    city: Path
    code: str

    @property
    def samples(self) -> Path:
        """The folder of its samples."""
        return self.city / "samples" / self.code

    @property
    def has_samples(self) -> bool:
        """Whether there is something to serve."""
        return any(self.list_files())

    def list_files(self) -> list[Path]:
        """The samples themselves, without the expected answers."""
        return sorted(each for each in self.samples.glob("*") if each.is_file() and each.name != EXPECTED)

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """The manifest as TOML. Raises `CannotStartError`."""
        path = self.city / "agencies" / f"{self.code}.toml"
        try:
            return tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CannotStartError(f"{path} cannot be read: {error}") from error

    @property
    def driver(self) -> str:
        """The driver that the hub calls it with."""
        return str(self.manifest["wire"]["driver"])

    def read_json(self) -> Iterator[tuple[str, Any]]:
        """Each JSON file by its name without the ending. Raises `CannotStartError`."""
        for path in self.list_files():
            if path.suffix == ".json":
                try:
                    yield path.stem, json.loads(path.read_text(encoding="utf-8"))
                except ValueError as error:
                    raise CannotStartError(f"{path} is not JSON: {error}") from error

    def build_variables(self, *, port: int, user: str, secret: str) -> dict[str, str]:
        """The variables that the wire of the manifest names, with the values that lead to the stand-in."""
        found: dict[str, str] = {}
        for place, text in _list_texts(self.manifest["wire"]):
            for variable in _REFERENCE.findall(text):
                if place == "url":
                    found[variable] = self._build_url(port, user, secret)
                else:
                    found[variable] = user if place == "user" else secret
        return found

    def _build_url(self, port: int, user: str, secret: str) -> str:
        at = f"127.0.0.1:{port}"
        return (
            f"postgresql://{user}:{quote(secret, safe='')}@{at}/{DATABASE}" if self.driver == "sql" else f"http://{at}"
        )


def fill_references(text: str, secret: str) -> str:
    """A text of the manifest with the secret in place of each variable."""
    return _REFERENCE.sub(lambda _: secret, text)


def list_stand_ins(city: Path, besides: tuple[str, ...]) -> Iterator[StandInSource]:
    """The live agencies of a city that have samples, but no own server in the sandbox."""
    for path in sorted((city / "agencies").glob("*.toml")):
        source = StandInSource(city, path.stem)
        if source.code not in besides and source.manifest.get("stage") == "live" and source.has_samples:
            yield source


def _list_texts(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every text of a table and of the tables in it, with the name of its key."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _list_texts(value)
        elif isinstance(value, str):
            yield name, value

"""What a stand-in server of an agency is made from: the agency's manifest and its synthetic samples.

The samples are in the city folder, `samples/<code>/`. Their form follows from the driver: replies by request for a
service over HTTP (`sandbox/stand_ins/replies.py`) or SOAP (`sandbox/stand_ins/soap_replies.py`), and one file of rows a
table for a database (`sandbox/stand_ins/tables.py`) or a file drop (`sandbox/stand_ins/drop_files.py`).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sandbox.agency import AGENCIES, LOOPBACK, CannotStartError
from sandbox.clock import WIB

CITY_VARIABLE: Final = "SANDBOX_CITY"
"""Names the city folder of an agency that is served from its samples."""
DROP: Final = "drop"
"""The folder of a stand-in's files, in the folder of its state."""
EXPECTED: Final = "expected.json"
"""Written by hand: the answers that tests expect of the samples."""
DATABASE: Final = "samples"
"""The database of a stand-in that is one."""
_DAY: Final = re.compile(r"\{today(\+\d+)?\}")
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
        """The manifest as TOML, with the defaults in each read. Raises `CannotStartError`."""
        path = self.city / "agencies" / f"{self.code}.toml"
        try:
            manifest = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CannotStartError(f"{path} cannot be read: {error}") from error
        defaults, reads = manifest.pop("defaults", {}), manifest.get("reads", {})
        return manifest | {
            "reads": {name: each if "snapshot" in each else {**defaults, **each} for name, each in reads.items()}
        }

    @property
    def is_live(self) -> bool:
        """Whether the hub calls it."""
        return self.is_readable and self.manifest.get("stage") == "live"

    @property
    def is_readable(self) -> bool:
        """Whether its manifest can be used here."""
        with contextlib.suppress(CannotStartError):
            return isinstance(self.manifest.get("wire"), dict)
        return False

    @property
    def driver(self) -> str:
        """The driver that the hub calls it with."""
        return str(self.manifest["wire"]["driver"])

    @property
    def is_drop(self) -> bool:
        """Whether the hub reads files from a folder, because their names hold a date, or a marker is beside them."""
        rows = [each["rows"] for each in self.manifest.get("snapshots", {}).values()] if self.driver == "files" else []
        return any("{date}" in each["file"] or "done" in each for each in rows)

    def read_json(self) -> Iterator[tuple[str, Any]]:
        """Each JSON file by its name without the ending. Raises `CannotStartError`."""
        for path in self.list_files():
            if path.suffix == ".json":
                try:
                    yield path.stem, json.loads(fill_days(path.read_text(encoding="utf-8")))
                except ValueError as error:
                    raise CannotStartError(f"{path} is not JSON: {error}") from error

    def build_variables(self, url: str, *, user: str, secret: str, state: str = "") -> dict[str, str]:
        """The variables that the wire of the manifest names, for a server at this address with this credential.

        `state` is the folder of its data, which holds the hub's private key.
        """
        key = str(find_private_key(Path(state)))
        values = {"url": url, "user": user, "client_id": user, "key_id": user, "token_url": url, "private_key": key}
        texts = sorted(_list_texts(self.manifest["wire"]), key=lambda each: each[0] != "url")
        found: dict[str, str] = {}
        for place, text in texts:
            for variable in _REFERENCE.findall(text):
                found.setdefault(variable, values.get(place, secret))
        return found

    def fill_wire(self, *, user: str, secret: str, state: str = "") -> Any:  # noqa: ANN401 - a table of TOML
        """The table `wire`, with the values that `build_variables` gives its references."""
        return _fill(self.manifest["wire"], self.build_variables("", user=user, secret=secret, state=state))

    def build_url(self, *, port: int, user: str, secret: str, folder: str = "") -> str:
        """The address of the stand-in: its port, or `folder` for files that only a folder can hold."""
        at = f"{LOOPBACK}:{port}"
        if self.is_drop:
            return f"file://{folder}"
        if self.driver == "sql":
            return f"postgresql://{quote(user, safe='')}:{quote(secret, safe='')}@{at}/{DATABASE}"
        return f"http://{at}"


def find_private_key(state: Path) -> Path:
    """The file of the private key that the hub signs with, in the folder of an agency's data."""
    return state / "private_key.pem"


def fill_days(text: str) -> str:
    """A sample with days in place of `{today+3}`: data that begins today, whenever the stand-in is started."""
    today = datetime.now(WIB).date()
    return _DAY.sub(lambda found: (today + timedelta(days=int(found[1] or 0))).isoformat(), text)


def find_city() -> Path:
    """The city folder of the hub's settings."""
    named = os.environ.get("SIMPUL_CITY")
    return Path(named) if named else Path(__file__).parents[2] / "cities" / "jakarta"


def list_served(city: Path) -> Sequence[str]:
    """The agencies of a city that the sandbox can serve: with own code, then those with samples only."""
    codes = sorted(path.stem for path in (city / "agencies").glob("*.toml"))
    others = [StandInSource(city, each) for each in codes if each not in AGENCIES]
    served = [each.code for each in others if each.has_samples and each.is_live]
    return (*(each for each in AGENCIES if each in codes), *served)


def _list_texts(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every text of a table and of the tables in it, with the name of its key."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _list_texts(value)
        elif isinstance(value, str):
            yield name, value


def _fill(value: Any, variables: Mapping[str, str]) -> Any:  # noqa: ANN401 - any TOML
    if isinstance(value, dict):
        return {name: _fill(each, variables) for name, each in value.items()}
    return _REFERENCE.sub(lambda found: variables[found[1]], value) if isinstance(value, str) else value

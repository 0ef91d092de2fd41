"""Reads the file of a snapshot, which never changes: a new one replaces it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import msgspec

from connectors.declared.snapshot.layout import SnapshotFacts
from connectors.declared.snapshot.protection import FileKeys

_MAPPED_BYTES: Final = 1024 * 1024 * 1024


class SnapshotFile:
    """An open file. Queries of several threads have a connection each."""

    def __init__(self, path: Path, find_keys: Callable[[str | None], FileKeys | None] = lambda _: None) -> None:
        """`find_keys` gives the keys of a sealed file by its mark.

        Raises `ValueError` and `OSError` for a file that is no snapshot, or whose keys are unknown.
        """
        status = path.stat()
        self.identity = (status.st_ino, status.st_mtime_ns)
        self._address = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"
        self._idle: list[sqlite3.Connection] = []
        self._retired = False
        try:
            with self.connection() as connection:
                (text,) = connection.execute("SELECT facts FROM facts").fetchone()
            self.facts = msgspec.json.decode(text, type=SnapshotFacts)
            self._keys = find_keys(self.facts.seal)
        except (sqlite3.Error, TypeError, ValueError) as error:
            self.retire()
            raise ValueError(f"not a snapshot, or sealed with an unknown key: {type(error).__name__}") from None

    @property
    def keys(self) -> FileKeys:
        """The keys of a sealed file."""
        if self._keys is None:
            raise RuntimeError("A file of public data has no keys.")
        return self._keys

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """A connection for one query."""
        try:
            found = self._idle.pop()
        except IndexError:
            found = sqlite3.connect(self._address, uri=True, check_same_thread=False, isolation_level=None)
            found.execute(f"PRAGMA mmap_size = {_MAPPED_BYTES}")
            found.execute("PRAGMA query_only = ON")
        try:
            yield found
        finally:
            self._idle.append(found)
            if self._retired:
                self.retire()

    def retire(self) -> None:
        """Close it, as soon as the running queries have ended."""
        self._retired = True
        while True:
            try:
                self._idle.pop().close()
            except IndexError:
                return

    def __repr__(self) -> str:
        """Its rows and its date."""
        return f"<SnapshotFile {self.facts.rows} rows of {self.facts.as_of.isoformat()}>"


def read_facts(path: Path) -> SnapshotFacts | None:
    """What a file says about itself; None if there is none, or it is no snapshot."""
    try:
        file = SnapshotFile(path)
    except (OSError, ValueError):
        return None
    file.retire()
    return file.facts


def fetch_text(connection: sqlite3.Connection, statement: str, values: Sequence[Any]) -> str | None:
    """The only text of the only row: one step, so that the interpreter's lock is taken once."""
    row = connection.execute(statement, values).fetchone()
    return None if row is None else row[0]

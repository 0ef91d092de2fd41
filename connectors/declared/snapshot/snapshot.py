"""One snapshot of one agency, as every process of the hub sees it: its newest file, and what its loader last saw."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from sqlite3 import Connection, Error
from typing import Final, TypeVar

import msgspec

from connectors.declared.snapshot.file import SnapshotFile
from connectors.declared.snapshot.layout import SnapshotFacts, SnapshotLayout
from connectors.declared.snapshot.protection import CopyProtection, FileKeys
from connectors.declared.snapshot.tables import SnapshotTable
from records.calls.call import Call
from records.calls.failures import AgencyMalformed, AgencyTimeout, AgencyUnavailable

T = TypeVar("T")
Query = Callable[[Connection], T]

_RETRY_AFTER: Final = 60.0
_THREADS: Final = 2
"""Threads of a process for queries: SQLite releases the interpreter's lock while it works."""
_log = logging.getLogger("simpul.snapshots")


class LoaderNote(msgspec.Struct, frozen=True):
    """What the loader last saw; it is written for all processes."""

    looked_at: datetime
    problem: str = ""
    """Why nothing was loaded; empty if all is well."""
    failing_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotStatus:
    """How a snapshot is."""

    agency: str
    name: str
    facts: SnapshotFacts | None
    note: LoaderNote | None
    max_age: float

    @property
    def age(self) -> float | None:
        """Seconds since the date of the data; None without data."""
        return None if self.facts is None else max(0.0, time.time() - self.facts.as_of.timestamp())

    @property
    def is_overdue(self) -> bool:
        """Whether there is no data, or data older than allowed."""
        return self.age is None or self.age > self.max_age

    @property
    def problem(self) -> str:
        """Why the last load failed; empty if it did not."""
        return "" if self.note is None else self.note.problem

    @property
    def data_timestamp(self) -> float:
        """The date of the data, in seconds since 1970; 0 without data."""
        return 0.0 if self.facts is None else self.facts.as_of.timestamp()

    @property
    def rows(self) -> int:
        """Records."""
        return 0 if self.facts is None else self.facts.rows

    @property
    def left_out(self) -> int:
        """Rows that could not be read."""
        return 0 if self.facts is None else self.facts.left_out

    @property
    def has_failed(self) -> bool:
        """Whether the last load failed."""
        return bool(self.problem)


class Snapshot:
    """A snapshot. Opens its newest file when it is first asked, and again whenever a new one replaces it."""

    def __init__(
        self,
        agency: str,
        name: str,
        table: SnapshotTable,
        layout: SnapshotLayout,
        place: SnapshotPlace,
        *,
        protection: CopyProtection | None = None,
    ) -> None:
        """`place` says where its files are; `protection` is needed for personal data."""
        self.agency = agency
        self.name = name
        self.table = table
        self.layout = layout
        self.place = place
        self.protection = protection
        self._file: SnapshotFile | None = None
        self._threads: ThreadPoolExecutor | None = None

    def open_current(self) -> SnapshotFile:
        """The newest file. Raises `AgencyUnavailable` if there is none yet, or if its data must be gone by now."""
        path = self.place.current
        try:
            status = path.stat()
            if self._file is None or self._file.identity != (status.st_ino, status.st_mtime_ns):
                self._replace(SnapshotFile(path, self._find_keys))
        except (OSError, ValueError) as error:
            if isinstance(error, FileNotFoundError) and self.layout.is_personal:
                self._replace(None)  # its data was too old, and may not be answered from memory either
            if self._file is None:
                raise AgencyUnavailable(
                    self.agency, f"the snapshot '{self.name}' is not loaded yet", retry_after=_RETRY_AFTER
                ) from None
        if self._file is None:  # pragma: no cover - opened above
            raise AgencyUnavailable(self.agency, f"the snapshot '{self.name}' is not loaded yet")
        if (remove_at := self._file.facts.remove_at) is not None and remove_at <= get_time():
            raise AgencyUnavailable(self.agency, f"the snapshot '{self.name}' is older than remove_after")
        return self._file

    def _find_keys(self, mark: str | None) -> FileKeys | None:
        """The keys of a file. Raises `ValueError` for one that is not sealed as its records demand."""
        if not self.layout.is_personal:
            return None
        if mark is None or self.protection is None:
            raise ValueError("personal data that is not sealed")
        return self.protection.keys.find(self.seal_place, mark)

    @property
    def seal_place(self) -> str:
        """What the keys of its files are bound to."""
        return f"{self.agency}/{self.name}"

    def _replace(self, file: SnapshotFile | None) -> None:
        if self._file is not None:
            self._file.retire()
        if self._file is not None and file is not None:
            _log.info("The agency '%s' answers from a new snapshot '%s': %r", self.agency, self.name, file)
        self._file = file

    def ask_here(self, file: SnapshotFile, query: Query[T]) -> T:
        """Run a short query, which takes microseconds."""
        try:
            with file.connection() as connection:
                return query(connection)
        except Error as error:
            raise AgencyMalformed(self.agency, f"the snapshot cannot be read: {type(error).__name__}") from None

    async def ask(self, file: SnapshotFile, query: Query[T], call: Call) -> T:
        """Run a query that may take long, in a thread. Raises `AgencyTimeout` at the deadline, which ends it."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix=f"snapshot-{self.agency}")
        loop = asyncio.get_running_loop()
        with file.connection() as connection:
            running = loop.run_in_executor(self._threads, partial(query, connection))
            try:
                done, _ = await asyncio.wait({running}, timeout=call.remaining())
            except asyncio.CancelledError:
                await self._end(running, connection)
                raise
            if not done:
                await self._end(running, connection)
                raise AgencyTimeout(self.agency, "the query of the snapshot did not end before the deadline")
            try:
                return running.result()
            except Error as error:
                raise AgencyMalformed(self.agency, f"the snapshot cannot be read: {type(error).__name__}") from None

    async def _end(self, running: asyncio.Future[T], connection: Connection) -> None:
        """End a query before its connection serves another."""
        if not running.cancel():
            connection.interrupt()
        await asyncio.wait({running})
        if not running.cancelled():
            running.exception()

    def get_status(self) -> SnapshotStatus:
        """How it is, as far as this process knows."""
        try:
            facts = self.open_current().facts
        except AgencyUnavailable:
            facts = None
        return SnapshotStatus(
            agency=self.agency, name=self.name, facts=facts, note=self.place.read_note(), max_age=self.table.max_age
        )

    def close(self) -> None:
        """Close the file and end the threads."""
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)
            self._threads = None
        if self._file is not None:
            self._file.retire()
            self._file = None

    def __repr__(self) -> str:
        """Its agency, its name, and its file."""
        return f"<Snapshot {self.agency}/{self.name} {self._file!r}>"


@dataclass(frozen=True, slots=True)
class SnapshotPlace:
    """Where the files of one snapshot are. Each form has its own, so that two generations of the hub can run."""

    folder: Path
    """Of the agency."""
    name: str
    form: str

    @property
    def current(self) -> Path:
        """The published file."""
        return self.folder / f"{self.name}-{self.form}.sqlite"

    @property
    def lock(self) -> Path:
        """The file whose lock the loader holds."""
        return self.folder / f"{self.name}-{self.form}.lock"

    @property
    def note(self) -> Path:
        """What the loader last saw."""
        return self.folder / f"{self.name}-{self.form}.json"

    @property
    def building(self) -> Path:
        """The file that is being built."""
        return self.folder / f"{self.name}-{self.form}.building"

    @classmethod
    def find(cls, file: Path) -> SnapshotPlace:
        """The place of a published file."""
        name, _, form = file.stem.rpartition("-")
        return cls(file.parent, name, form)

    @contextmanager
    def try_lock(self) -> Iterator[bool]:
        """Hold the lock of the loader while the block runs, if it is free; gives whether it was."""
        handle = os.open(self.lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            yield try_lock(handle)
        finally:
            os.close(handle)

    def remove(self) -> None:
        """Remove all files of this form."""
        for path in (self.current, self.note, self.lock):
            path.unlink(missing_ok=True)

    def list_of_all_forms(self) -> list[SnapshotPlace]:
        """The places of this snapshot in all forms that have a published file, the newest first."""
        found = [
            each for each in self.folder.glob(f"{self.name}-*.sqlite") if "-" not in each.stem[len(self.name) + 1 :]
        ]
        found.sort(key=lambda each: each.stat().st_mtime, reverse=True)
        return [SnapshotPlace.find(each) for each in found]

    def read_note(self) -> LoaderNote | None:
        """What the loader last saw; None if it has not looked yet."""
        return self.parse_note(self.note)

    @staticmethod
    def parse_note(path: Path) -> LoaderNote | None:
        """The note in a file; None if there is none."""
        try:
            return msgspec.json.decode(path.read_bytes(), type=LoaderNote)
        except (OSError, msgspec.MsgspecError):
            return None

    def write_note(self, note: LoaderNote) -> None:
        """Write what the loader saw, for all processes."""
        written = self.note.with_suffix(".writing")
        written.write_bytes(msgspec.json.encode(note))
        written.replace(self.note)


def try_lock(handle: int) -> bool:
    """Lock an open file for this process, unless another one holds it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def get_time() -> datetime:
    """The time of day."""
    return datetime.now(UTC)

"""A folder, or an HTTP address, in which an agency leaves whole files: finds the newest complete one."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import stat
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final

from connectors.drivers.files.row_reading import open_regular
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.reply import HttpReply
from connectors.drivers.http.service import HttpRequest
from connectors.resilience.call_counters import CallCounters
from connectors.resilience.gate import Gate
from records.calls.call import Call
from records.calls.failures import AgencyMalformed, AgencyRefused, AgencyUnavailable
from records.clocks import CITY_TIME_ZONE

SETTLE_SECONDS: Final = 30.0
"""Seconds without a change after which a file is complete, if neither a marker nor a checksum says so."""
_MAX_ENTRIES: Final = 20_000
"""Maximum entries of a folder."""
_CHUNK: Final = 1024 * 1024
_DIGEST: Final = re.compile(r"[0-9a-fA-F]{32,128}")
_DATE: Final = "{date}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePattern:
    """Which file is wanted, and when it is complete."""

    name: str
    """The name, with `{date}` in place of its date, if there is one for each date."""
    date_format: str = "%Y%m%d"
    checksum: str | None = None
    """The algorithm: the file NAME.sha256 or NAME.md5 beside it holds the digest."""
    done: str | None = None
    """The ending of the marker file that is written last: `.done`."""
    min_bytes: int = 1
    max_bytes: int = 64 * 1024 * 1024

    def parse_date(self, name: str) -> datetime | None:
        """The date in a name; the earliest moment if the pattern has none; None for a name of another pattern."""
        start, has_date, end = self.name.partition(_DATE)
        if not has_date:
            return datetime.min.replace(tzinfo=UTC) if name == self.name else None
        if not (name.startswith(start) and name.endswith(end) and len(name) > len(start) + len(end)):
            return None
        try:
            return datetime.strptime(name[len(start) : len(name) - len(end)], self.date_format).replace(
                tzinfo=CITY_TIME_ZONE
            )
        except ValueError:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """A complete file."""

    path: Path
    """Where it is, if it is in a folder."""
    content: bytes | None = field(default=None, repr=False)
    """What was downloaded. It is on no disk, because it may be about people."""
    name: str
    dated: datetime
    """The date in its name; else when it was written."""
    identity: str = field(repr=False)
    """Differs if the file differs."""


class NoFile(AgencyUnavailable):
    """The folder has no such file: its owner has not left one, or has removed it."""


class FilesDriver:
    """Finds files in a folder, or downloads one. Every look passes the gate."""

    def __init__(self, folder: Path | None, http: HttpDriver | None, *, gate: Gate) -> None:
        """Takes the folder, or the driver of an HTTP address, whose owner has the gate."""
        self.agency = gate.agency
        self._folder = folder
        self._http = http
        self._gate = gate

    @property
    def counts(self) -> CallCounters:
        """The counters of calls."""
        return self._gate.counts

    @property
    def expiries(self) -> Mapping[str, float]:
        """When the parts of the credential expire, in seconds since 1970."""
        return {} if self._http is None else self._http.expiries

    @property
    def is_local(self) -> bool:
        """Whether the files are in a folder, and not behind an HTTP address."""
        return self._folder is not None

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.close()

    @asynccontextmanager
    async def open_newest(self, pattern: FilePattern, call: Call) -> AsyncIterator[FoundFile]:
        """The newest complete file, while the block runs. Raises `AgencyFailure`."""
        if self._folder is not None:
            find = partial(find_newest, self.agency, self._folder, pattern)
            found = await self._gate.ask(call, lambda _: asyncio.to_thread(find), repeatable=True)
            if found is None:
                raise NoFile(self.agency, f"there is no file {pattern.name}")
            yield found
            if await asyncio.to_thread(_identify, found.path) != found.identity:
                raise AgencyMalformed(self.agency, f"{found.name}: it changed while it was read")
            return
        yield await self._gate.ask(call, lambda attempt: self._download(pattern, attempt), repeatable=True)

    async def _download(self, pattern: FilePattern, call: Call) -> FoundFile:
        reply = await self._fetch(pattern.name, call)
        if not pattern.min_bytes <= len(reply.body) <= pattern.max_bytes:
            raise AgencyMalformed(self.agency, f"{pattern.name}: {len(reply.body)} bytes")
        if pattern.checksum is not None:
            digest = await self._fetch(f"{pattern.name}.{pattern.checksum}", call)
            content = BytesIO(reply.body)
            await asyncio.to_thread(_check_digest, self.agency, pattern, content, pattern.name, digest.body)
        return FoundFile(
            path=Path(pattern.name),
            content=reply.body,
            name=pattern.name,
            dated=_parse_http_date(reply.headers.get("Last-Modified", "")),
            identity=hashlib.sha256(reply.body).hexdigest(),
        )

    async def _fetch(self, name: str, call: Call) -> HttpReply:
        if self._http is None:
            raise RuntimeError("A driver of files has a folder or an address.")
        reply = await self._http.send(HttpRequest("GET", name), call)
        if reply.status != 200:  # noqa: PLR2004 - HTTP OK
            raise AgencyRefused(self.agency, f"HTTP {reply.status} for the file {name}")
        return reply


def find_newest(agency: str, folder: Path, pattern: FilePattern) -> FoundFile | None:
    """The newest complete file of a folder; dates in the future do not count. None if there is no file.

    Raises `AgencyUnavailable` if none is complete, `AgencyMalformed` if the newest is broken.
    """
    try:
        names = {each.name for each in _list_entries(folder)}
    except OSError as error:
        raise AgencyUnavailable(agency, f"the folder cannot be read: {error.strerror}") from None
    if len(names) > _MAX_ENTRIES:
        raise AgencyMalformed(agency, f"the folder has more than {_MAX_ENTRIES} entries")
    latest = datetime.now(CITY_TIME_ZONE)
    dated = [(date, name) for name in names if (date := pattern.parse_date(name)) is not None and date <= latest]
    incomplete: str | None = None
    for date, name in sorted(dated, reverse=True):
        found = _inspect(agency, folder / name, pattern, names)
        if isinstance(found, FoundFile):
            if pattern.checksum is not None:
                written = _read_start(folder / f"{name}.{pattern.checksum}")
                with open(found.path, "rb", opener=open_regular) as file:
                    _check_digest(agency, pattern, file, name, written)
            has_date = _DATE in pattern.name
            return found if not has_date else FoundFile(path=found.path, name=name, dated=date, identity=found.identity)
        incomplete = incomplete or f"{name}: {found}"
    if incomplete is not None:
        raise AgencyUnavailable(agency, incomplete)
    return None


def _list_entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for count, each in enumerate(entries):
            if count > _MAX_ENTRIES:
                return
            yield each


def _inspect(agency: str, path: Path, pattern: FilePattern, names: set[str]) -> FoundFile | str:
    """The file, or why it is not complete yet. Raises `AgencyMalformed` for what never becomes a file."""
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise AgencyMalformed(agency, f"{path.name}: not a regular file")
    if pattern.done is not None and f"{path.name}{pattern.done}" not in names:
        return f"its marker {path.name}{pattern.done} is missing"
    if pattern.checksum is not None and f"{path.name}.{pattern.checksum}" not in names:
        return f"its checksum {path.name}.{pattern.checksum} is missing"
    if pattern.done is None and pattern.checksum is None and time.time() - status.st_mtime < SETTLE_SECONDS:
        return f"it changed less than {SETTLE_SECONDS:g} seconds ago"
    if not pattern.min_bytes <= status.st_size <= pattern.max_bytes:
        raise AgencyMalformed(
            agency, f"{path.name}: {status.st_size} bytes; allowed are {pattern.min_bytes} to {pattern.max_bytes}"
        )
    return FoundFile(
        path=path, name=path.name, dated=datetime.fromtimestamp(status.st_mtime, UTC), identity=_identify(path)
    )


def _identify(path: Path) -> str:
    """A word that changes with the file; empty if it is gone."""
    try:
        status = path.lstat()
    except OSError:
        return ""
    return f"{path.name} {status.st_size} {status.st_mtime_ns} {status.st_ino}"


def _read_start(path: Path) -> bytes:
    """The start of a regular file; a link, or a pipe, that an agency left is not followed."""
    try:
        with open(path, "rb", opener=open_regular) as file:
            return file.read(_CHUNK)
    except OSError:
        return b""


def _check_digest(agency: str, pattern: FilePattern, file: BinaryIO, name: str, written: bytes) -> None:
    """Raise `AgencyMalformed` unless the file has a digest that its checksum file holds."""
    algorithm = pattern.checksum or "sha256"
    digest = hashlib.new(algorithm, usedforsecurity=False)
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    wanted = {each.lower() for each in _DIGEST.findall(written.decode("ascii", errors="replace"))}
    if not wanted:
        raise AgencyMalformed(agency, f"{name}.{algorithm}: it holds no {algorithm} digest")
    if digest.hexdigest() not in wanted:
        raise AgencyMalformed(agency, f"{name}: the {algorithm} checksum does not match, so the file is damaged or cut")


def _parse_http_date(text: str) -> datetime:
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, TypeError):
        return datetime.now(UTC)

"""Reads the files of a GTFS Schedule zip within bounds, as the reference allows them to be written.

It runs in the process that builds a snapshot, so it may take seconds.
"""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Final, NamedTuple

from connectors.drivers.files.row_error import RowError

_MAX_FILES: Final = 1_000
_MAX_FIELD_LENGTH: Final = 100_000
_MARK: Final = "stops.txt"
"""The file that says in which folder a feed is."""
_DAMAGED: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)
"""What `zipfile` raises for damaged, encrypted or unsupported contents."""


class FeedRow(NamedTuple):
    """A row of one file: the number of its line, and its values in the order of the wanted columns."""

    line: int
    values: Sequence[str]
    is_whole: bool
    """Whether it has no more values than the header has columns."""


@dataclass(frozen=True, slots=True)
class FeedZip:
    """A downloaded zip. It is sent to the process that builds the snapshot."""

    name: str
    content: bytes = field(repr=False)
    max_unpacked: int
    """Bytes of all files together, after unpacking."""

    @contextmanager
    def open(self) -> Iterator[OpenFeed]:
        """The files of the zip. Raises `RowError`, which names the file, and never a value."""
        try:
            archive = zipfile.ZipFile(io.BytesIO(self.content))
        except _DAMAGED:
            raise RowError(f"{self.name}: not a zip, or a damaged one") from None
        with archive:
            yield OpenFeed(self.name, archive, self.max_unpacked)


class OpenFeed:
    """The files of an open zip."""

    def __init__(self, name: str, archive: zipfile.ZipFile, max_unpacked: int) -> None:
        """Find the files. Raises `RowError` for too many."""
        self.name = name
        self._archive = archive
        self._left = max_unpacked
        infos = [each for each in archive.infolist() if not each.is_dir() and not each.filename.startswith("__MACOSX/")]
        if len(infos) > _MAX_FILES:
            raise RowError(f"{name}: more than {_MAX_FILES} files")
        folder = _find_folder(name, [each.filename for each in infos])
        self._files = {
            each.filename.removeprefix(folder).lower(): each for each in infos if each.filename.startswith(folder)
        }

    def __contains__(self, file: str) -> bool:
        """Whether the zip has the file."""
        return file in self._files

    def read(self, file: str, columns: Sequence[str], *, required: Sequence[str] = ()) -> Iterator[FeedRow]:
        """The rows of a file; a missing column is empty. A file that is not there has no rows.

        Raises `RowError` for a file that cannot be read, for one without a required column, and for too many bytes.
        """
        if file not in self._files:
            return
        try:
            with self._archive.open(self._files[file]) as packed:
                yield from self._read_rows(file, packed, columns, required)
        except _DAMAGED as error:
            raise RowError(f"{self.name}, {file}: it cannot be unpacked or read ({type(error).__name__})") from None

    def _read_rows(
        self, file: str, packed: IO[bytes], columns: Sequence[str], required: Sequence[str]
    ) -> Iterator[FeedRow]:
        csv.field_size_limit(_MAX_FIELD_LENGTH)
        bounded = io.BufferedReader(_BoundedFile(self, file, packed))
        lines = io.TextIOWrapper(bounded, encoding="utf-8-sig", errors="replace", newline="")
        reader = csv.reader(lines, skipinitialspace=True)
        try:
            header = [each.strip().strip('\ufeff"').lower() for each in next(reader, [])]
            if missing := [each for each in required if each not in header]:
                raise RowError(f"{self.name}, {file}: there is no column '{missing[0]}'")
            places = [header.index(each) if each in header else None for each in columns]
            width = len(header)
            for fields in reader:
                if any(fields):  # an empty line is no row
                    count = len(fields)
                    values = [fields[place].strip() if place is not None and place < count else "" for place in places]
                    yield FeedRow(reader.line_num, values, count <= width or not any(fields[width:]))
        except csv.Error:
            raise RowError(f"{self.name}, {file}, line {reader.line_num}: not comma-separated values") from None

    def take(self, file: str, size: int) -> None:
        """Count unpacked bytes. Raises `RowError` beyond the bound."""
        self._left -= size
        if self._left < 0:
            raise RowError(f"{self.name}, {file}: unpacked, the files are longer than max_unpacked allows")


def _find_folder(name: str, files: Sequence[str]) -> str:
    """The folder of the feed: the root, as the reference wants it, or the one that a publisher zipped around the files.

    Raises `RowError` for two feeds, of which the rows must not be mixed.
    """
    found = {each[: -len(_MARK)] for each in files if f"/{each}".lower().endswith(f"/{_MARK}")}
    outermost = sorted(each for each in found if each.count("/") == min(other.count("/") for other in found))
    if len(outermost) > 1:
        raise RowError(f"{name}: it holds several feeds, in the folders {', '.join(outermost)[:200]}")
    return outermost[0] if outermost else ""


class _BoundedFile(io.RawIOBase):
    """The unpacked bytes of a file, counted: what a zip says about its sizes proves nothing."""

    def __init__(self, feed: OpenFeed, name: str, packed: IO[bytes]) -> None:
        super().__init__()
        self._feed, self._name, self._packed = feed, name, packed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview | bytearray) -> int:  # type: ignore[override] # the buffer that io gives
        piece = self._packed.read(len(buffer))
        self._feed.take(self._name, len(piece))
        buffer[: len(piece)] = piece
        return len(piece)

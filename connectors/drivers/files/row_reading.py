"""Reads the rows of a file, and checks that it is whole: header, widths, encoding, trailer, last line break.

It runs in a process for long work, so it may take seconds.
"""

from __future__ import annotations

import csv
import errno
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, TextIO

from connectors.drivers.files.row_error import RowError
from connectors.drivers.files.row_format import Row, RowFormat, Trailer

MAX_FIELD_LENGTH: Final = 100_000
"""Characters of one value: an unclosed quote would otherwise swallow the file."""


def open_regular(path: str, flags: int) -> int:
    """Open a file that another party wrote: no link is followed, and a pipe does not block. An opener of `open`."""
    handle = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "not a regular file")
    return handle


class FileRow(NamedTuple):
    """A row, and the number of its line in the file, from 1."""

    line: int
    row: Row


@dataclass(frozen=True, slots=True)
class FileRows:
    """The rows of one file."""

    name: str
    path: Path
    row_format: RowFormat
    content: bytes | None = field(default=None, repr=False)
    """What was downloaded, in place of a file in a folder."""
    row_word: str = "line"

    def read(self) -> Iterable[tuple[int, Row]]:
        """The rows with their lines. Raises `RowError`."""
        return read_rows(self.path, self.name, self.row_format, self.content)


class _Line(NamedTuple):
    number: int
    fields: Sequence[str]
    text: str
    """The line of a file with fixed columns; empty for a delimited one."""


def read_rows(path: Path, name: str, row_format: RowFormat, content: bytes | None = None) -> Iterator[FileRow]:
    """The rows of a file, which errors call `name`. Raises `RowError`, at the end for a trailer that does not match."""
    rows = _FileRows(name, row_format)
    try:
        with open(path, "rb", opener=open_regular) if content is None else BytesIO(content) as file:
            if row_format.ends_with_line_break and row_format.trailer is None:
                _require_line_break(file, name)
            with TextIOWrapper(file, encoding=row_format.encoding, newline="") as decoded:
                yield from rows.read(decoded)
    except UnicodeDecodeError:
        after = f" after line {rows.line}" if rows.line else ""
        raise RowError(f"{name}: not encoded as {row_format.encoding}{after}") from None
    except OSError as error:
        raise RowError(f"{name}: it cannot be read: {error.strerror}") from None


def _require_line_break(file: BinaryIO, name: str) -> None:
    size = file.seek(0, 2)
    file.seek(max(0, size - 1))
    if file.read(1) not in {b"\n", b"\r"}:
        raise RowError(f"{name}: the last line has no line break, so the file may be cut; name a checksum or a trailer")
    file.seek(0)


class _FileRows:
    """One reading of one file."""

    def __init__(self, name: str, row_format: RowFormat) -> None:
        self._name = name
        self._format = row_format
        self._total = Decimal(0)
        self._rows = 0
        self.line = 0

    def read(self, file: TextIO) -> Iterator[FileRow]:
        lines = self._split_delimited(file) if self._format.positions is None else self._split_fixed(file)
        columns = list(self._format.positions or self._format.names)
        if not columns:
            columns = self._read_header(next(lines, None))
        self._require_columns(columns)
        trailer = self._format.trailer
        for each in lines:
            if trailer is not None and (each.text or (each.fields[0] if each.fields else "")).startswith(
                trailer.marker
            ):
                self._check_trailer(trailer, each, next(lines, None))
                return
            row = self._build_row(columns, each)
            self._count(trailer, each, row)
            yield FileRow(each.number, row)
        if trailer is not None:
            raise RowError(f"{self._name}: no trailer row '{trailer.marker}', so the file may be cut")

    def _split_delimited(self, file: TextIO) -> Iterator[_Line]:
        csv.field_size_limit(MAX_FIELD_LENGTH)
        reader = csv.reader(
            file,
            delimiter=self._format.delimiter,
            quotechar=self._format.quote or None,
            quoting=csv.QUOTE_MINIMAL if self._format.quote else csv.QUOTE_NONE,
            strict=True,
        )
        while True:
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error:
                raise RowError(f"{self._name}, line {reader.line_num}: not {self._describe_dialect()}") from None
            self.line = reader.line_num
            if fields:  # an empty line is no row
                yield _Line(reader.line_num, fields, "")

    def _describe_dialect(self) -> str:
        return f"fields with '{self._format.delimiter}' between them and whole quotes {self._format.quote}"

    def _split_fixed(self, file: TextIO) -> Iterator[_Line]:
        for self.line, raw in enumerate(file, start=1):
            text = raw.rstrip("\r\n\x1a")
            if text.strip():
                yield _Line(self.line, (), text)

    def _read_header(self, header: _Line | None) -> list[str]:
        if header is None:
            raise RowError(f"{self._name}: the file is empty")
        columns = [each.strip() for each in header.fields]
        if doubled := sorted({each for each in columns if columns.count(each) > 1}):
            raise RowError(f"{self._name}, line {header.number}: the header names a column twice: '{doubled[0]}'")
        return columns

    def _require_columns(self, columns: Sequence[str]) -> None:
        if missing := sorted(self._format.required - set(columns)):
            raise RowError(f"{self._name}: there is no column '{missing[0]}'; it vanished, or has another name")

    def _build_row(self, columns: Sequence[str], line: _Line) -> Row:
        positions = self._format.positions
        if positions is not None:
            ends = max(last for _, last in positions.values())
            if len(line.text) < ends:
                raise RowError(f"{self._name}, line {line.number}: {len(line.text)} characters; a row has {ends}")
            row = {name: line.text[first - 1 : last].strip() for name, (first, last) in positions.items()}
        elif len(line.fields) == len(columns):
            row = dict(zip(columns, line.fields, strict=True))
        else:
            raise RowError(
                f"{self._name}, line {line.number}: {len(line.fields)} fields; the header has {len(columns)}"
            )
        for each in self._format.decimal_commas:
            row[each] = row[each].replace(".", "").replace(",", ".")
        return row

    def _count(self, trailer: Trailer | None, line: _Line, row: Row) -> None:
        self._rows += 1
        if trailer is not None and trailer.total is not None:
            self._total += self._read_number(line, str(row[trailer.total.column]), f"column '{trailer.total.column}'")

    def _check_trailer(self, trailer: Trailer, line: _Line, following: _Line | None) -> None:
        if following is not None:
            raise RowError(f"{self._name}, line {following.number}: a row after the trailer")
        if trailer.count is not None and self._read_number(line, self._cut(line, trailer.count), "count") != self._rows:
            raise RowError(
                f"{self._name}, line {line.number}: the trailer counts another number of rows than there are"
            )
        if (total := trailer.total) is not None and self._read_total(line, total.at, total.column) != self._total:
            raise RowError(f"{self._name}, line {line.number}: the trailer has another sum of '{total.column}'")

    def _read_total(self, line: _Line, at: int | tuple[int, int], column: str) -> Decimal:
        written = self._cut(line, at)
        if column in self._format.decimal_commas:
            written = written.replace(".", "").replace(",", ".")
        return self._read_number(line, written, "sum")

    def _cut(self, line: _Line, at: int | tuple[int, int]) -> str:
        if isinstance(at, int):
            return line.fields[at - 1] if at <= len(line.fields) else ""
        return line.text[at[0] - 1 : at[1]]

    def _read_number(self, line: _Line, written: str, what: str) -> Decimal:
        try:
            return Decimal(written.strip())
        except InvalidOperation:
            raise RowError(f"{self._name}, line {line.number}: {what}: not a number") from None

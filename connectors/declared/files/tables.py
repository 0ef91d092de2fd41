"""The tables of a manifest for files that an agency leaves in a folder, or at an HTTP address."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from connectors.declared.service.wire import ServiceWire
from connectors.declared.tables import Columns, ManifestTable, RowsTable
from connectors.drivers.files.driver import FilePattern
from connectors.drivers.files.row_format import RowFormat, Trailer, TrailerSum

_NAME: Final = re.compile(r"[\w. +~-]*(\{date\}[\w. +~-]*)?", re.ASCII)
_PROBE_DAY: Final = datetime(2026, 12, 31, tzinfo=UTC)


class FilesWire(ServiceWire):
    """Files in a folder, or at an HTTP address."""

    driver: Literal["files"]
    url: SecretStr = Field(description="the folder, `file:///srv/drops/wifi`, or `https://...`, in which the files are")

    @property
    def folder(self) -> Path | None:
        """The folder; None for an HTTP address. Raises ValueError for a folder that is not named from the root."""
        scheme, _, path = self.url.get_secret_value().partition("://")
        if scheme != "file":
            return None
        if not path.startswith("/") or ".." in Path(path).parts:
            raise ValueError("name the folder from the root: file:///srv/drops/wifi")
        return Path(path)


def _check_name(name: str) -> str:
    if not _NAME.fullmatch(name) or name in {"", ".", ".."}:
        raise ValueError("write the name of a file, without a folder: letters, digits, blanks, .+~_- and one {date}")
    return name


def _check_encoding(name: str) -> str:
    try:
        codecs.lookup(name).name.encode()
        "a".encode(name)
    except (LookupError, UnicodeEncodeError):
        raise ValueError("not an encoding: write utf-8, latin-1 or windows-1252") from None
    return "utf-8-sig" if codecs.lookup(name).name == "utf-8" else name


def _check_date_format(text: str) -> str:
    try:
        datetime.strptime(_PROBE_DAY.strftime(text), text)  # noqa: DTZ007 - only tried
    except ValueError:
        raise ValueError("not the format of a date: write %Y%m%d, %Y-%m-%d or %d%m%y") from None
    return text


Position = Annotated[int, Field(ge=1, le=1_000_000)]
Place = Position | tuple[Position, Position]
"""A field of a delimited row, from 1; or the first and last position in a row with fixed columns."""


class TrailerSumTable(ManifestTable):
    """A sum that the trailer repeats."""

    column: str = Field(description="the column whose numbers are added")
    at: Place = Field(description="where the trailer holds the sum")


class TrailerTable(ManifestTable):
    """The last row of a file, which says what it must hold."""

    marker: str = Field(min_length=1, max_length=50, description="what the row begins with: `TRL`")
    count: Place | None = Field(
        default=None, description="where it holds the number of rows: a field, counted from 1, or `[11, 18]`"
    )
    sum: TrailerSumTable | None = Field(default=None, description="a sum that it holds: `{ column = ..., at = 3 }`")

    @model_validator(mode="after")
    def _check_promise(self) -> Self:
        if self.count is None and self.sum is None:
            raise ValueError("say what it holds: count, or sum")
        return self


class FileRowsTable(RowsTable):
    """All rows of the newest complete file."""

    file: Annotated[str, AfterValidator(_check_name)] = Field(
        description="name of the file, with `{date}` in place of a date: `wifi_{date}.csv`; the newest is taken"
    )
    date_format: Annotated[str, AfterValidator(_check_date_format)] = Field(
        default="%Y%m%d", description="how `{date}` is written"
    )
    encoding: Annotated[str, AfterValidator(_check_encoding)] = Field(
        default="utf-8-sig", description="`utf-8`, with or without a byte order mark; `latin-1`; `windows-1252`"
    )
    delimiter: str = Field(default=",", pattern=r"^[^\r\n\"]$", description='between fields: `";"`, `"\\t"`, `"|"`')
    quote: str = Field(default='"', pattern=r"^[^\r\n]?$", description="around fields; empty if there are no quotes")
    header: bool | Columns = Field(
        default=True, description="whether the first row names the columns; else their names in order"
    )
    columns: Mapping[str, tuple[Position, Position]] | None = Field(
        default=None, description="fixed columns in place of delimiters: `{ id = [1, 8], name = [9, 48] }`"
    )
    decimal_comma: Columns = Field(default=(), description="columns with numbers such as `1.234,5`")
    checksum: Literal["sha256", "md5"] | None = Field(
        default=None, description="the file with the digest: `sha256` means `NAME.sha256`"
    )
    done: str | None = Field(
        default=None, pattern=r"^\.[A-Za-z0-9]+$", description="ending of the marker file that is written last: `.done`"
    )
    trailer: TrailerTable | None = Field(default=None, description="table: the last row, which counts the others")
    min_bytes: int = Field(default=1, ge=1, description="smaller files are refused")
    max_bytes: int = Field(default=64 * 1024 * 1024, ge=1, le=4 * 1024**3, description="larger files are refused")

    @model_validator(mode="after")
    def _check_columns(self) -> Self:
        if self.header is False:
            raise ValueError('header: name the columns in their order: header = ["id", "name"]')
        if self.columns is not None and not self.columns:
            raise ValueError("columns: name at least one")
        if self.columns is not None and any(first > last for first, last in self.columns.values()):
            raise ValueError("columns: the first position of a column lies after its last")
        if self.trailer is not None:
            places = [self.trailer.count, self.trailer.sum.at if self.trailer.sum else None]
            wanted = tuple if self.columns is not None else int
            if any(each is not None and not isinstance(each, wanted) for each in places):
                form = "positions, as in [11, 18]" if self.columns is not None else "the number of a field, as in 2"
                raise ValueError(f"trailer: write its places as {form}")
        return self

    @property
    def pattern(self) -> FilePattern:
        """Which file is wanted."""
        return FilePattern(
            name=self.file,
            date_format=self.date_format,
            checksum=self.checksum,
            done=self.done,
            min_bytes=self.min_bytes,
            max_bytes=self.max_bytes,
        )

    def build_format(self, required: frozenset[str]) -> RowFormat:
        """How its rows are written; `required` are the columns that are read."""
        trailer = self.trailer
        total = None if trailer is None or trailer.sum is None else trailer.sum
        used = required | set(self.decimal_comma) | ({total.column} if total else set())
        return RowFormat(
            encoding=self.encoding,
            delimiter=self.delimiter,
            quote=self.quote,
            names=() if isinstance(self.header, bool) else self.header,
            positions=self.columns,
            decimal_commas=frozenset(self.decimal_comma),
            required=frozenset(used),
            trailer=None
            if trailer is None
            else Trailer(
                marker=trailer.marker,
                count=trailer.count,
                total=None if total is None else TrailerSum(column=total.column, at=total.at),
            ),
            ends_with_line_break=self.checksum is None and self.done is None,
        )

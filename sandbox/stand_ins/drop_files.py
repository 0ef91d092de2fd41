"""The files of a stand-in, written from samples in the form that the manifest declares: CSV or fixed columns.

`<snapshot>.json` holds a list of rows. Texts are written as they are; numbers get the decimal comma that the manifest
declares. The trailer, the checksum file and the marker follow from the rows.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import time
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from sandbox.agency import CannotStartError
from sandbox.clock import WIB
from sandbox.stand_ins.sources import StandInSource

_SETTLED_SECONDS: Final = 3600
"""Age of a file that neither a marker nor a checksum completes."""
Row = Mapping[str, Any]
Place = int | Sequence[int]
"""A field of a delimited row, from 1; or the first and last position of one with fixed columns."""


def write_drop(source: StandInSource, folder: Path, today: date) -> None:
    """Write the files of all snapshots; names with a date get this day. Raises `CannotStartError`.

    Personal data gets the day of the machine: the hub removes it by that clock when it is too old.
    """
    samples = dict(source.read_json())
    folder.mkdir(parents=True, exist_ok=True)
    for name, snapshot in source.manifest.get("snapshots", {}).items():
        if not isinstance(samples.get(name), list):
            raise CannotStartError(f"{source.samples / name}.json is missing: it holds the rows of snapshots.{name}.")
        form: Mapping[str, Any] = snapshot["rows"]
        try:
            content = write_rows(form, samples[name]).encode(form.get("encoding", "utf-8"))
        except (LookupError, ValueError) as error:
            raise CannotStartError(f"{name}.json of {source.code} cannot be written: {error}") from error
        day = datetime.now(WIB).date() if "remove_after" in snapshot else today
        written = day.strftime(form.get("date_format", "%Y%m%d"))
        _publish(folder, form["file"].replace("{date}", written), form, content)


def write_rows(form: Mapping[str, Any], rows: Sequence[Row]) -> str:
    """The text of a file, by the table `snapshots.<name>.rows`. Raises `ValueError` for a row that does not fit."""
    positions = form.get("columns")
    commas = form.get("decimal_comma", ())
    texts = [{name: _write_value(value, has_comma=name in commas) for name, value in row.items()} for row in rows]
    trailer = _list_trailer(form["trailer"], rows, commas) if "trailer" in form else None
    if positions is not None:
        lines = [_write_fixed([(positions[name], text) for name, text in row.items()]) for row in texts]
        if trailer is not None:
            lines.append(
                _write_fixed([(place if isinstance(place, list) else [1, len(text)], text) for place, text in trailer])
            )
        return "".join(f"{each}\n" for each in lines)
    return _write_delimited(form, texts, trailer)


def _publish(folder: Path, name: str, form: Mapping[str, Any], content: bytes) -> None:
    """Write a file under another name and rename it; then what says that it is complete."""
    path, part = folder / name, folder / f".{name}.part"
    part.write_bytes(content)
    if "done" not in form and "checksum" not in form:
        written = time.time() - _SETTLED_SECONDS
        os.utime(part, (written, written))
    part.rename(path)
    if algorithm := form.get("checksum"):
        digest = hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()
        (folder / f"{name}.{algorithm}").write_text(f"{digest}  {name}\n", encoding="ascii")
    if done := form.get("done"):
        (folder / f"{name}{done}").touch()


def _write_delimited(
    form: Mapping[str, Any], rows: Sequence[Mapping[str, str]], trailer: Sequence[tuple[Place, str]] | None
) -> str:
    named, quote = form.get("header", True), form.get("quote", '"')
    columns = list(dict.fromkeys(name for row in rows for name in row)) if named is True else _list(named)
    text = io.StringIO()
    writer = csv.writer(
        text,
        delimiter=form.get("delimiter", ","),
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        lineterminator="\n",
    )
    try:
        if named is True:
            writer.writerow(columns)
        for row in rows:
            if strange := sorted(row.keys() - set(columns)):
                raise ValueError(f"the file has no column '{strange[0]}'")
            writer.writerow([row.get(name, "") for name in columns])
        if trailer is not None:
            fields = dict(trailer)
            writer.writerow([fields.get(number, "") for number in range(1, max(int(str(each)) for each in fields) + 1)])
    except csv.Error as error:
        raise ValueError(f"a value holds the delimiter, and there are no quotes ({error})") from error
    return text.getvalue()


def _write_fixed(values: Sequence[tuple[Sequence[int], str]]) -> str:
    """A line with fixed columns."""
    line = [" "] * max(last for (_, last), _ in values)
    for (first, last), text in values:
        if len(text) > last - first + 1:
            raise ValueError(f"a value has {len(text)} characters; positions {first} to {last} hold fewer")
        line[first - 1 : last] = text.ljust(last - first + 1)
    return "".join(line)


def _list_trailer(trailer: Mapping[str, Any], rows: Sequence[Row], commas: Sequence[str]) -> list[tuple[Place, str]]:
    """The places of the last row, and what they hold."""
    found: list[tuple[Place, str]] = [(1, trailer["marker"])]
    if "count" in trailer:
        found.append((trailer["count"], str(len(rows))))
    if "sum" in trailer:
        column = trailer["sum"]["column"]
        total = sum((_parse_number(row.get(column), has_comma=column in commas) for row in rows), Decimal(0))
        written = f"{total}".replace(".", ",") if column in commas else f"{total}"
        found.append((trailer["sum"]["at"], written))
    return found


def _parse_number(value: object, *, has_comma: bool) -> Decimal:
    text = _write_value(value, has_comma=False)
    return Decimal(text.replace(".", "").replace(",", ".") if has_comma and isinstance(value, str) else text)


def _write_value(value: object, *, has_comma: bool) -> str:
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text.replace(".", ",") if has_comma and isinstance(value, int | float) else text


def _list(names: object) -> list[str]:
    return [names] if isinstance(names, str) else list(names) if isinstance(names, list) else []

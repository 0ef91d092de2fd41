"""Removes personal data from copies: files whose data is too old, and the rows of people who had their data erased."""

from __future__ import annotations

import logging
import shutil
import sqlite3
from collections.abc import Collection
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import msgspec

from connectors.declared.snapshot.file import SnapshotFile
from connectors.declared.snapshot.layout import SnapshotFacts
from connectors.declared.snapshot.snapshot import SnapshotPlace, get_time

_log = logging.getLogger("simpul.snapshots")
_ROWS_ABOUT = "SELECT row FROM people WHERE person = ?"


def remove_expired(own: SnapshotPlace) -> None:
    """Remove every file of the hub's folder whose data is too old: also those of agencies that the city left out.

    `own` is locked by the caller. A file that another loader holds is left to it.
    """
    for path in own.folder.parent.glob("*/*.sqlite"):
        remove_at = _find_removal(path)
        if remove_at is None or remove_at > get_time():
            continue
        place = SnapshotPlace.find(path)
        if place == own:
            path.unlink(missing_ok=True)
        else:
            with place.try_lock() as is_free:
                if not is_free:
                    continue
                place.remove()
        _log.warning(
            "Removed the snapshot '%s' of the agency '%s': its data is older than remove_after",
            place.name, place.folder.name,
        )  # fmt: skip


def _find_removal(path: Path) -> datetime | None:
    """When a file has to be removed; None if it never has to, or is no snapshot."""
    try:
        status = path.stat()
        return _read_removal(path, status.st_ino, status.st_mtime_ns)
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=1024)
def _read_removal(path: Path, inode: int, modified: int) -> datetime | None:  # noqa: ARG001 - they tell files apart
    """The moment in a file, which never changes: a look at a whole city each minute would have to open all files.

    Raises `ValueError` and `OSError`, which are not remembered, so that the next look may succeed.
    """
    file = SnapshotFile(path)
    file.retire()
    return file.facts.remove_at


def copy_without(place: SnapshotPlace, people: Collection[str]) -> bool:
    """Write a copy of the published file without these people, by their digests; False if it has none of them."""
    with closing(sqlite3.connect(f"{place.current.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as database:
        if not any(database.execute(_ROWS_ABOUT, [each]).fetchone() for each in people):
            return False
    place.building.touch(mode=0o600)
    shutil.copyfile(place.current, place.building)
    erase_people(place.building, people)
    return True


def erase_people(path: Path, people: Collection[str]) -> None:
    """Erase the rows about these people from a file that nothing reads yet. A row about several people goes whole."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA secure_delete = ON")
        database.execute("BEGIN")
        digests = [[each] for each in people]
        database.executemany(f"DELETE FROM rows WHERE id IN ({_ROWS_ABOUT})", digests)  # noqa: S608 - fixed texts
        database.execute("DELETE FROM people WHERE row NOT IN (SELECT id FROM rows)")
        (text,) = database.execute("SELECT facts FROM facts").fetchone()
        facts = msgspec.json.decode(text, type=SnapshotFacts)
        (rows,) = database.execute("SELECT count(*) FROM rows").fetchone()
        database.execute("UPDATE facts SET facts = ?", [msgspec.json.encode(replace(facts, rows=rows)).decode()])
        database.execute("COMMIT")

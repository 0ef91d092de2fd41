"""Loads the snapshots of an agency, from time to time: one process of a machine does it for all.

A lock on a file makes a process the loader. The system frees it when the process ends, so nothing else is needed: no
Redis, no clock. Each machine loads by itself, because its workers map its own files.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any, Final

from connectors.declared.column_syntax import ColumnSyntax
from connectors.declared.snapshot.build import BuildPlan, NamedSource, build_snapshot
from connectors.declared.snapshot.file import read_facts
from connectors.declared.snapshot.layout import SnapshotFacts
from connectors.declared.snapshot.process import Build, BuildError, RowBatches
from connectors.declared.snapshot.protection import ErasuresUnknown, FileKeys
from connectors.declared.snapshot.removal import copy_without, erase_people, remove_expired
from connectors.declared.snapshot.sealed_rows import PERSON
from connectors.declared.snapshot.snapshot import LoaderNote, Snapshot, SnapshotPlace, get_time, try_lock
from connectors.declared.tables import RecordTable
from connectors.drivers.files.driver import NoFile
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyUnavailable
from records.calls.reply_budget import ReplyBudget
from records.shared_wakes import compute_pause

LOAD_TIMEOUT: Final = 3_600.0
"""Seconds for one load, with all calls."""
_MAX_LOADED_BYTES: Final = 2 * 1024 * 1024 * 1024
_LOCK_POLL_SECONDS: Final = 5.0
_FIRST_LOAD_TIMEOUT: Final = 15.0
_FIRST_LOAD_POLL: Final = 0.05
_PROTECT_SECONDS: Final = 60.0
"""Seconds between two looks for personal data that must go."""
_MIN_RETRY, _MAX_RETRY = 30.0, 900.0
"""Seconds between a failed load and the next."""
_log = logging.getLogger("simpul.snapshots")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedRows:
    """All rows of a source, ready to be read."""

    name: str
    """What errors call the source: the name of the file, or of the table."""
    dated: datetime | None
    """The source's own date; None if it has none."""
    identity: str | None
    """If it is that of the last good copy, nothing is loaded; None if the source cannot tell."""
    rows: NamedSource | RowBatches


OpenRows = Callable[[Call], AbstractAsyncContextManager[OpenedRows]]
"""Open all rows of a source. Raises `AgencyFailure`, also at the end of the block for rows that changed meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotSource:
    """How a snapshot is loaded."""

    snapshot: Snapshot
    open_rows: OpenRows
    records: Mapping[str, RecordTable]
    columns: ColumnSyntax
    write: Callable[[BuildPlan, Any], SnapshotFacts] = build_snapshot
    """Writes the file, in the process for it."""


class SnapshotLoader:
    """Loads one snapshot whenever it is due, if this process is the loader."""

    def __init__(
        self,
        source: SnapshotSource,
        *,
        on_published: Callable[[str], Awaitable[object]],
        build: Build,
    ) -> None:
        """`on_published` is called with the agency, so that its cached answers are dropped."""
        self._build_file = build
        self._source = source
        self._snapshot = source.snapshot
        self._place = source.snapshot.place
        self._on_published = on_published

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Load in the background while the block runs."""
        task = asyncio.create_task(self.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            self._snapshot.close()

    async def wait_for_data(self) -> None:
        """Wait until there is data, or a first attempt has failed: a new worker serves only then, within limits."""
        until = monotonic() + _FIRST_LOAD_TIMEOUT
        while monotonic() < until and not self._place.current.exists():
            note = self._place.read_note()
            if note is not None and note.problem:
                return
            await asyncio.sleep(_FIRST_LOAD_POLL)

    async def run(self) -> None:
        """Load forever, as soon as this process is the loader."""
        while True:
            try:
                await self._load_forever()
            except OSError as error:
                _log.error(
                    "The folder of the snapshots of the agency '%s' cannot be used: %s. Check SIMPUL_SNAPSHOT_FOLDER",
                    self._snapshot.agency, error.strerror,
                )  # fmt: skip
                await asyncio.sleep(_MIN_RETRY)

    async def _load_forever(self) -> None:
        self._place.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self._place.lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            while not try_lock(handle):  # noqa: ASYNC110 - the system wakes no waiter without a thread
                await asyncio.sleep(compute_pause(_LOCK_POLL_SECONDS))
            self._place.building.unlink(missing_ok=True)
            await self._wait(self._compute_first_wait())
            while True:
                is_good = await self.load()
                every = self._snapshot.table.every
                await self._wait(every if is_good else min(every, max(_MIN_RETRY, min(_MAX_RETRY, every / 10))))
        finally:
            os.close(handle)

    async def _wait(self, seconds: float) -> None:
        """Wait for the next load. Meanwhile, personal data goes when it is too old, or when it must be erased."""
        until = monotonic() + seconds
        while (left := until - monotonic()) > 0:
            if self._snapshot.layout.is_personal:
                await self.protect()
            await asyncio.sleep(min(left, _PROTECT_SECONDS) if self._snapshot.layout.is_personal else left)

    async def protect(self) -> None:
        """Remove personal data that is too old, and the rows of people whose erasure the agency has fulfilled."""
        snapshot, place = self._snapshot, self._place
        await asyncio.to_thread(remove_expired, place)
        try:
            file = snapshot.open_current()
            people = await self._list_erased(file.keys, file.facts.as_of)
            if not people:
                return
            if await asyncio.to_thread(copy_without, place, people):
                self._publish()
                _log.info("Erased people from the snapshot '%s' of the agency '%s'", snapshot.name, snapshot.agency)
                await self._on_published(snapshot.agency)
        except AgencyUnavailable:
            return  # there is no copy
        except Exception as error:  # noqa: BLE001 - the next look, a minute later, may succeed
            problem = str(error) if isinstance(error, ErasuresUnknown) else type(error).__name__
            _log.warning(
                "Erased people may still be in the snapshot '%s' of the agency '%s': %s",
                snapshot.name, snapshot.agency, problem,
            )  # fmt: skip
        finally:
            place.building.unlink(missing_ok=True)

    async def _list_erased(self, keys: FileKeys | None, since: datetime) -> Collection[str]:
        """The people whose erasure was fulfilled after a moment, by their digests. Raises `ErasuresUnknown`."""
        protection = self._snapshot.protection
        if protection is None or keys is None:
            return ()
        found = await protection.list_erased(self._snapshot.agency, since)
        return [keys.hash_key(PERSON, each) for each in found]

    def _publish(self) -> None:
        self._place.building.replace(self._place.current)
        _sync_folder(self._place)

    def _compute_first_wait(self) -> float:
        """Seconds until the next load, if the one before a restart was good, and sealed with the newest key."""
        note, former = self._place.read_note(), read_facts(self._place.current)
        if note is None or note.problem or not self._has_copy() or former is None or not self._is_newly_sealed(former):
            return 0.0
        return max(0.0, self._snapshot.table.every - (get_time() - note.looked_at).total_seconds())

    async def load(self) -> bool:
        """Load now, and return whether the published file is up to date. A failure leaves the last good one."""
        former = self._find_former()
        try:
            call = Call(
                deadline=monotonic() + LOAD_TIMEOUT,
                request_id=f"snapshot-{self._snapshot.name}",
                reply_budget=ReplyBudget(_MAX_LOADED_BYTES),
            )
            facts = await self._build(former, call)
        except NoFile as error:
            # Files with personal data are removed once they are loaded. A copy that grows old has its own alert.
            if not (self._snapshot.layout.is_personal and self._has_copy()):
                self._note_failure(_describe(error))
                return False
            facts = None
        except (BuildError, AgencyFailure, ErasuresUnknown, OSError) as error:
            self._note_failure(_describe(error))
            return False
        except Exception as error:  # noqa: BLE001 - see below
            # A bug: the next load may succeed, and the last good copy answers until then.
            _log.exception("The snapshot '%s' of the agency '%s' failed", self._snapshot.name, self._snapshot.agency)
            self._note_failure(f"an error of the hub: {type(error).__name__}")
            return False
        finally:
            self._place.building.unlink(missing_ok=True)
        if facts is not None:
            self._remove_other_forms()
            _log.info(
                "Loaded the snapshot '%s' of the agency '%s': %d rows of %s",
                self._snapshot.name, self._snapshot.agency, facts.rows, facts.as_of.isoformat(timespec="minutes"),
            )  # fmt: skip
            await self._on_published(self._snapshot.agency)
        self._place.write_note(LoaderNote(looked_at=get_time()))
        return True

    async def _build(self, former: SnapshotFacts | None, call: Call) -> SnapshotFacts | None:
        """Build and publish the file; None if the source did not change."""
        snapshot, table, place = self._snapshot, self._snapshot.table, self._place
        async with self._source.open_rows(call) as opened:
            if self._is_current(former, opened.identity):
                return None
            mark, keys = self._create_keys()
            plan = BuildPlan(
                target=place.building,
                form=place.form,
                layout=snapshot.layout,
                records=self._source.records,
                columns=self._source.columns,
                skip_without=table.skip_without,
                as_of_column=table.as_of,
                dated=opened.dated or get_time(),
                identity=opened.identity,
                max_unreadable=table.max_unreadable,
                min_rows=table.min_rows,
                former=former,
                max_shrink=table.max_shrink,
                remove_after=table.remove_after,
                mark=mark,
                keys=keys,
                write=self._source.write,
            )
            facts = await self._build_file(plan, opened.name, opened.rows)
        # The agency may still have sent a person that it has erased.
        if keys is not None and (erased := await self._list_erased(keys, facts.as_of)):
            await asyncio.to_thread(erase_people, place.building, erased)
        self._publish()
        return facts

    def _create_keys(self) -> tuple[str | None, FileKeys | None]:
        """New keys for a file of personal data."""
        snapshot = self._snapshot
        if not snapshot.layout.is_personal or snapshot.protection is None:
            return None, None
        return snapshot.protection.keys.create(snapshot.seal_place)

    def _is_current(self, former: SnapshotFacts | None, identity: str | None) -> bool:
        """Whether the published file is of this source, of this form, and sealed with the newest key."""
        if former is None or former.form != self._place.form or identity is None or identity != former.identity:
            return False
        return self._is_newly_sealed(former)

    def _is_newly_sealed(self, former: SnapshotFacts) -> bool:
        """Whether a file is sealed with the newest key, or needs no seal."""
        protection = self._snapshot.protection
        return former.seal is None or (protection is not None and protection.keys.is_newest(former.seal))

    def _has_copy(self) -> bool:
        """Whether there is a copy that can be read."""
        try:
            self._snapshot.open_current()
        except AgencyUnavailable:
            return False
        return True

    def _find_former(self) -> SnapshotFacts | None:
        """The last good copy: of this form, or, after a change of the manifest, of the newest other one."""
        places = [self._place, *self._place.list_of_all_forms()]
        return next((facts for each in places if (facts := read_facts(each.current)) is not None), None)

    def _note_failure(self, problem: str) -> None:
        former = self._place.read_note()
        is_known = former is not None and former.problem == problem
        since = former.failing_since if former is not None and former.failing_since is not None else get_time()
        self._place.write_note(LoaderNote(looked_at=get_time(), problem=problem, failing_since=since))
        level = logging.DEBUG if is_known else logging.WARNING
        _log.log(
            level, "The snapshot '%s' of the agency '%s' was not loaded, the last good copy stays: %s",
            self._snapshot.name, self._snapshot.agency, problem, extra={"agency": self._snapshot.agency},
        )  # fmt: skip

    def _remove_other_forms(self) -> None:
        """Remove the files of earlier manifests, unless another generation of the hub still loads them."""
        for each in self._place.list_of_all_forms():
            if each.form == self._place.form:
                continue
            with each.try_lock() as is_free:
                if is_free:
                    each.remove()


def _describe(error: Exception) -> str:
    if isinstance(error, AgencyFailure):
        return error.detail or error.code
    return error.strerror or "the folder cannot be written" if isinstance(error, OSError) else str(error)


def _sync_folder(place: SnapshotPlace) -> None:
    """Make the new name survive a loss of power."""
    handle = os.open(place.folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""The hub's access ledger for the sample graph, with the time that answers wait for it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from auth.crypto.pseudonyms import Pseudonyms
from records.calls.subject_reads import RequestInfo, SubjectRead
from services.ledger.ledger_entry_builder import LedgerEntryBuilder
from services.ledger.read_recording import build_recorder
from store.database import create_database_engine, migrate
from store.ledger.access_ledger import AccessLedger


class TimedLedger:
    """The ledger of `server.create_app`, with a stopwatch."""

    def __init__(self, url: str, secret: bytes, report_file: Path | None) -> None:
        """At the end, the times are written to `report_file`."""
        self._engine = create_database_engine(url)
        self._ledger = AccessLedger(self._engine, secret)
        self._record = build_recorder(self._ledger, LedgerEntryBuilder(Pseudonyms(secret)))
        self._report_file = report_file
        self._waited: list[float] = []
        self._entries = 0

    async def start(self) -> None:
        """Create the tables, start the chain."""
        await migrate(self._engine)
        await self._ledger.start()

    async def record(self, request: RequestInfo, reads: Sequence[SubjectRead]) -> None:
        """Record the reads of one answer."""
        began = perf_counter()
        await self._record(request, reads)
        self._waited.append(perf_counter() - began)
        self._entries += len(reads)

    async def close(self) -> None:
        """Write the times."""
        await self._ledger.close()
        await self._engine.dispose()
        waited = sorted(self._waited)
        if self._report_file is not None and waited:
            self._report_file.write_text(
                json.dumps(
                    {
                        "answers": len(waited),
                        "entries": self._entries,
                        "commits": self._ledger.commits,
                        "p50_ms": waited[len(waited) // 2] * 1000,
                        "p99_ms": waited[int(len(waited) * 0.99)] * 1000,
                    }
                )
            )

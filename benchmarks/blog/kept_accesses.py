"""The hub's own access ledger for the small world, and how long answers wait for it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from auth.accesses import Accesses
from auth.pseudonyms import Pseudonyms
from engine.reads import Asked, Read
from resolvers.recording import recorder
from store.access_ledger import AccessLedger
from store.database import database, migrate


class KeptAccesses:
    """As `server.create_app` puts it together, with a stopwatch around it."""

    def __init__(self, url: str, secret: bytes, told: Path | None) -> None:
        """Tell at the end in the file `told`."""
        self._engine = database(url)
        self._ledger = AccessLedger(self._engine, secret)
        self._record = recorder(self._ledger, Accesses(Pseudonyms(secret)))
        self._told = told
        self._waited: list[float] = []
        self._entries = 0

    async def start(self) -> None:
        """Make the tables, begin the chain."""
        await migrate(self._engine)
        await self._ledger.start()

    async def record(self, asked: Asked, reads: Sequence[Read]) -> None:
        """Keep what one answer holds."""
        began = perf_counter()
        await self._record(asked, reads)
        self._waited.append(perf_counter() - began)
        self._entries += len(reads)

    async def close(self) -> None:
        """Tell how long it took."""
        await self._ledger.close()
        await self._engine.dispose()
        waited = sorted(self._waited)
        if self._told is not None and waited:
            self._told.write_text(
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

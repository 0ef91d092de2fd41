"""Which complaints a person reported, for complaint systems that cannot be asked by reporter.

No NIK is kept: the reporter is a keyed digest, so that the table alone names nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from hmac import digest

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from records.identifiers import Nik
from store.tables import complaint_links


class ComplaintLinkTable:
    """Links from reporters to the identifiers of their complaints."""

    def __init__(self, engine: AsyncEngine, secret: bytes) -> None:
        """Use the hub's database, and digests that are keyed with its secret."""
        self._engine = engine
        self._key = digest(secret, b"simpul complaint links v1", sha256)

    async def requests_of(self, niks: Sequence[Nik]) -> Mapping[Nik, Sequence[str]]:
        """The identifiers of each person's complaints; nobody without complaints is in the answer."""
        by_digest = {self._digest(nik): nik for nik in niks}
        wanted = (
            select(complaint_links.c.reporter, complaint_links.c.request_id)
            .where(complaint_links.c.reporter.in_(by_digest))
            .order_by(complaint_links.c.linked_at, complaint_links.c.request_id)
        )
        async with self._engine.connect() as connection:
            rows = (await connection.execute(wanted)).all()
        found: dict[Nik, list[str]] = {}
        for reporter, request_id in rows:
            found.setdefault(by_digest[bytes(reporter)], []).append(request_id)
        return found

    async def link(self, nik: Nik, request_ids: Sequence[str]) -> None:
        """Remember that the person reported these complaints; what is known already stays as it is."""
        if not request_ids:
            return
        rows = [{"reporter": self._digest(nik), "request_id": request_id} for request_id in request_ids]
        async with self._engine.begin() as connection:
            await connection.execute(insert(complaint_links).values(rows).on_conflict_do_nothing())

    def _digest(self, nik: Nik) -> bytes:
        return digest(self._key, nik.encode(), sha256)

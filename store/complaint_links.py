"""Links from people to their complaints, for complaint systems that cannot search by reporter.

No NIK is stored: the reporter is a keyed digest, so the table alone identifies nobody.
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

    def __init__(self, engine: AsyncEngine, secret: bytes, *, agency: str = "") -> None:
        """Takes the hub's database, and the secret that keys the digests.

        `agency` separates the links of several complaint systems, whose identifiers may be equal.
        """
        self._engine = engine
        self._key = digest(secret, f"simpul complaint links v1{agency}".encode(), sha256)

    async def requests_of(self, niks: Sequence[Nik]) -> Mapping[Nik, Sequence[str]]:
        """Returns the ids of each person's complaints; people without complaints are omitted."""
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
        """Links complaints to the person who reported them; existing links stay unchanged."""
        if not request_ids:
            return
        rows = [{"reporter": self._digest(nik), "request_id": request_id} for request_id in request_ids]
        async with self._engine.begin() as connection:
            await connection.execute(insert(complaint_links).values(rows).on_conflict_do_nothing())

    def _digest(self, nik: Nik) -> bytes:
        return digest(self._key, nik.encode(), sha256)

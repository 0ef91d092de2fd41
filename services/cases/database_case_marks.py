"""Marks of what people have seen in their inbox, in the hub's own database."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from hmac import digest

from auth.crypto.sealed_people import SealedPeople
from records.calls.call import Call
from records.cases import CaseKey
from resolvers.hub.case_marks import CaseMark, CasesUnavailable, LastSeen
from services.unavailable_database import translate_unavailable
from store.cases.case_mark_table import CaseMarkTable, PersonCase

_log = logging.getLogger("simpul.cases")
_translate_errors = partial(translate_unavailable, CasesUnavailable, _log.warning, "Case marks")


class DatabaseCaseMarks:
    """Loads and stores marks. People are sealed, and cases are keyed digests, so the table alone names neither."""

    def __init__(self, table: CaseMarkTable, people: SealedPeople, secret: bytes, *, retention: timedelta) -> None:
        """`retention` is that of marks: older changes count as seen."""
        self._table = table
        self._people = people
        self._key = digest(secret, b"simpul case marks v1", sha256)
        self._retention = retention

    async def last_seen(
        self,
        cases: Sequence[CaseKey],
        call: Call,  # noqa: ARG002 - the hub's own database, not an agency
    ) -> Mapping[CaseKey, LastSeen]:
        """What the person has seen of each case; raises `CasesUnavailable`."""
        kept_since = datetime.now(UTC) - self._retention
        rows = {each: self._seal(each) for each in cases}
        with _translate_errors():
            marks = await self._table.load(list(rows.values())) if rows else {}
        return {each: LastSeen(marks.get(row), kept_since) for each, row in rows.items()}

    async def mark_seen(
        self,
        marks: Sequence[CaseMark],
        call: Call,  # noqa: ARG002 - the hub's own database, not an agency
    ) -> Mapping[CaseMark, datetime]:
        """Store the version that was seen of each case, and when; raises `CasesUnavailable`."""
        with _translate_errors():
            await self._table.store({self._seal(each.case): each.version for each in marks})
        return dict.fromkeys(marks, datetime.now(UTC))

    def _seal(self, case: CaseKey) -> PersonCase:
        return self._people.seal(case.person), digest(self._key, str(case).encode(), sha256)

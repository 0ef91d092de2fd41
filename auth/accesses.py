"""From who asked, and what the answer holds of whom, to the entries that the ledger keeps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol

from auth.caller import Caller
from auth.legal_basis import LegalBasis, legal_basis
from auth.pseudonyms import Pseudonyms
from records.accesses import Access
from records.identifiers import Nik

HIDDEN_BECAUSE = "UU PDP 27/2022, articles 15 and 33: telling now would endanger the purpose it was read for."

_NUMBERED = re.compile(r"\d{13}", re.ASCII)
"""What may hold the number of a person or a business, as for purposes and cases (`auth/statement.py`)."""


class ReadOf(Protocol):
    """What an answer holds of one subject (`engine.reads.Read`)."""

    @property
    def subject(self) -> Any:  # noqa: ANN401 - the engine knows no people
        """A NIK, or a pseudonym out of the ledger; None for somebody unknown."""

    @property
    def fields(self) -> tuple[str, ...]:
        """What was read."""

    @property
    def agencies(self) -> tuple[str, ...]:
        """Where it came from."""

    @property
    def classes(self) -> tuple[str, ...]:
        """How sensitive it is."""

    @property
    def own(self) -> bool:
        """Whether it is about the reader as well."""


class Reading(NamedTuple):
    """The request that read."""

    request_id: str
    operation: str | None
    """The operation's name. One with a number of somebody in it is not kept: the ledger keeps names in plain."""
    document: bytes


class Accesses:
    """Makes entries."""

    def __init__(self, pseudonyms: Pseudonyms, *, hidden: Mapping[str, timedelta] | None = None) -> None:
        """`hidden` says for which purposes, and for how long, the person is not told."""
        self._pseudonyms = pseudonyms
        self._hidden = dict(hidden or {})

    def of(
        self, caller: Caller, reading: Reading, reads: Iterable[ReadOf], *, basis: LegalBasis | None = None
    ) -> Sequence[Access]:
        """One entry for each read, all of the same moment; on this basis, where it was not a rule that let it pass."""
        now = datetime.now(UTC)
        own, other = basis or legal_basis(caller, own=True), basis or legal_basis(caller, own=False)
        kind = caller.kind.value
        # Nobody decides which purposes overseers and the Data Tracker may state, so theirs hide nothing.
        hides = caller.purpose is not None and other is not LegalBasis.LEGAL_DUTY
        for_days = self._hidden.get(caller.purpose or "") if hides else None
        who = self._pseudonyms.of_caller(caller)
        operation = None if reading.operation and _NUMBERED.search(reading.operation) else reading.operation
        return [
            Access(
                at=now,
                request_id=reading.request_id,
                subject=self._subject(read.subject),
                caller_kind=kind,
                caller=who,
                agency=caller.agency,
                unit=caller.unit,
                role=caller.role,
                client=caller.client,
                purpose=caller.purpose,
                case=caller.case,
                legal_basis=on.value if (on := own if read.own else other) else None,
                operation=operation,
                document=reading.document,
                agencies=read.agencies,
                fields=read.fields,
                classification=" ".join(read.classes) or None,
                hidden_until=now + for_days if for_days else None,
                hidden_because=HIDDEN_BECAUSE if for_days else None,
            )
            for read in reads
        ]

    def _subject(self, subject: Any) -> bytes | None:  # noqa: ANN401 - the engine knows no people
        if subject is None or isinstance(subject, bytes):
            return subject
        return self._pseudonyms.of_person(Nik(subject))

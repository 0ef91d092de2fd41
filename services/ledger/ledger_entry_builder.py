"""Builds ledger entries from a request and its reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from auth.caller import Caller
from auth.crypto.pseudonyms import Pseudonyms
from auth.policy.legal_basis import LegalBasis, get_legal_basis
from records.calls.subject_reads import RequestInfo, SubjectRead
from records.hub.ledger_entries import LedgerEntry
from records.identifiers import Nik

HIDING_REASON = "UU PDP 27/2022, articles 15 and 33: disclosure now would endanger the purpose of the read."

_PERSON_NUMBER = re.compile(r"\d{13}", re.ASCII)
"""13 digits in a row may be the number of a person or a business (see also `auth/policy/declared_purpose.py`)."""


class LedgerEntryBuilder:
    """Builds entries, in which people are pseudonyms."""

    def __init__(self, pseudonyms: Pseudonyms, *, hidden_purposes: Mapping[str, timedelta] | None = None) -> None:
        """Entries for `hidden_purposes` are hidden from the person for the given time."""
        self._pseudonyms = pseudonyms
        self._hidden_purposes = dict(hidden_purposes or {})

    def build(
        self, request: RequestInfo, reads: Iterable[SubjectRead], *, basis: LegalBasis | None = None
    ) -> Sequence[LedgerEntry]:
        """One entry for each read, all of the same moment. `basis` is for reads that no rule allowed.

        The ledger stores operation names in plain text, so a name that may hold the number of a person is left out.
        """
        caller: Caller = request.caller
        now = datetime.now(UTC)
        own, other = basis or get_legal_basis(caller, is_own=True), basis or get_legal_basis(caller, is_own=False)
        kind = caller.kind.value
        # Overseers and the Data Tracker may state any purpose, so theirs must not hide anything.
        may_hide = caller.purpose is not None and other is not LegalBasis.LEGAL_DUTY
        hidden_for = self._hidden_purposes.get(caller.purpose or "") if may_hide else None
        reader = self._pseudonyms.pseudonymize_caller(caller)
        operation = None if request.operation and _PERSON_NUMBER.search(request.operation) else request.operation
        return [
            LedgerEntry(
                at=now,
                request_id=request.request_id,
                subject=self._to_pseudonym(read.subject),
                caller_kind=kind,
                caller=reader,
                agency=caller.agency,
                unit=caller.unit,
                role=caller.role,
                client=caller.client,
                purpose=caller.purpose,
                case=caller.case,
                legal_basis=on.value if (on := own if read.is_own else other) else None,
                operation=operation,
                document=request.document,
                agencies=read.agencies,
                fields=read.fields,
                classification=" ".join(read.data_classes) or None,
                hidden_until=now + hidden_for if hidden_for else None,
                hidden_because=HIDING_REASON if hidden_for else None,
            )
            for read in reads
        ]

    def _to_pseudonym(self, subject: Any) -> bytes | None:  # noqa: ANN401 - the engine knows no people
        if subject is None or isinstance(subject, bytes):
            return subject
        return self._pseudonyms.pseudonymize_person(Nik(subject))

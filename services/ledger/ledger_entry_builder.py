"""Builds ledger entries from a request and its reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from auth.caller import Caller, CallerKind
from auth.crypto.pseudonyms import Pseudonyms
from auth.policy.legal_basis import LegalBasis, get_legal_basis
from records.calls.subject_reads import RequestInfo, SubjectRead
from records.hub.ledger_entries import LedgerEntry
from records.identifiers import Nik

HIDING_REASON = "UU PDP 27/2022, articles 15 and 33: disclosure now would endanger the purpose of the read."

_PERSON_NUMBER = re.compile(r"\d{13}", re.ASCII)
"""13 digits in a row may be the number of a person or a business (see also `auth/policy/declared_purpose.py`)."""
_KINDS = {each: each.value for each in CallerKind}
"""As entries name them; `value` of an enum is two calls."""


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
        operation = request.operation
        if operation and not operation.isalpha() and _PERSON_NUMBER.search(operation):  # most names are letters only
            operation = None
        hidden_until, hidden_because = self._find_hiding(caller, now, basis)
        pseudonym = self._pseudonyms.pseudonymize_caller(caller)
        reader = _KINDS[caller.kind], pseudonym, caller.agency, caller.unit, caller.role, caller.client
        purpose, case, to_pseudonym = caller.purpose, caller.case, self._to_pseudonym
        bases: dict[bool, str | None] = {}
        entries = []
        for subject, fields, agencies, data_classes, is_own in reads:
            if is_own not in bases:
                of_reads = basis or get_legal_basis(caller, is_own=is_own)
                bases[is_own] = None if of_reads is None else of_reads.value
            # By position, because names cost a third of the time: in the order of `LedgerEntry`.
            entries.append(
                LedgerEntry(
                    now,
                    request.request_id,
                    request.document,
                    to_pseudonym(subject),
                    fields,
                    *reader,
                    purpose,
                    case,
                    bases[is_own],
                    operation,
                    agencies,
                    " ".join(data_classes) or None,
                    hidden_until,
                    hidden_because,
                )
            )
        return entries

    def _find_hiding(
        self, caller: Caller, now: datetime, basis: LegalBasis | None
    ) -> tuple[datetime, str] | tuple[None, None]:
        """Until when entries of the caller's purpose are hidden, and why."""
        hidden_for = None if caller.purpose is None else self._hidden_purposes.get(caller.purpose)
        # Overseers and the Data Tracker may state any purpose, so theirs must not hide anything.
        if not hidden_for or (basis or get_legal_basis(caller, is_own=False)) is LegalBasis.LEGAL_DUTY:
            return None, None
        return now + hidden_for, HIDING_REASON

    def _to_pseudonym(self, subject: Any) -> bytes | None:  # noqa: ANN401 - the engine knows no people
        if subject is None or isinstance(subject, bytes):
            return subject
        return self._pseudonyms.pseudonymize_person(Nik(subject))

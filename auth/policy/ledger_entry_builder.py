"""From who asked, and what the answer holds of whom, to the entries that the ledger keeps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol

from auth.caller import Caller
from auth.crypto.pseudonyms import Pseudonyms
from auth.policy.legal_basis import LegalBasis, get_legal_basis
from records.hub.ledger_entries import LedgerEntry
from records.identifiers import Nik

HIDING_REASON = "UU PDP 27/2022, articles 15 and 33: telling now would endanger the purpose it was read for."

_PERSON_NUMBER = re.compile(r"\d{13}", re.ASCII)
"""What may hold the number of a person or a business, as for purposes and cases (`auth/policy/declared_purpose.py`)."""


class ReadLike(Protocol):
    """What an answer holds of one subject (`engine.reporting.SubjectRead`)."""

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
    def data_classes(self) -> tuple[str, ...]:
        """How sensitive it is."""

    @property
    def is_own(self) -> bool:
        """Whether it is about the reader as well."""


class AccessContext(NamedTuple):
    """The request that read."""

    request_id: str
    operation: str | None
    """The operation's name. One with a number of somebody in it is not kept: the ledger keeps names in plain."""
    document: bytes


class LedgerEntryBuilder:
    """Makes entries."""

    def __init__(self, pseudonyms: Pseudonyms, *, hidden_purposes: Mapping[str, timedelta] | None = None) -> None:
        """`hidden_purposes` says for which purposes, and for how long, the person is not told."""
        self._pseudonyms = pseudonyms
        self._hidden_purposes = dict(hidden_purposes or {})

    def build(
        self, caller: Caller, context: AccessContext, reads: Iterable[ReadLike], *, basis: LegalBasis | None = None
    ) -> Sequence[LedgerEntry]:
        """One entry for each read, all of the same moment; on this basis, where it was not a rule that let it pass."""
        now = datetime.now(UTC)
        own, other = basis or get_legal_basis(caller, is_own=True), basis or get_legal_basis(caller, is_own=False)
        kind = caller.kind.value
        # Nobody decides which purposes overseers and the Data Tracker may state, so theirs hide nothing.
        may_hide = caller.purpose is not None and other is not LegalBasis.LEGAL_DUTY
        hidden_for = self._hidden_purposes.get(caller.purpose or "") if may_hide else None
        reader = self._pseudonyms.pseudonymize_caller(caller)
        operation = None if context.operation and _PERSON_NUMBER.search(context.operation) else context.operation
        return [
            LedgerEntry(
                at=now,
                request_id=context.request_id,
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
                document=context.document,
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

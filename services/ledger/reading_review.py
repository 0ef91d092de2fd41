"""Unusual reading and refusals for the data-protection officer, without the graph. Each use is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import NamedTuple

from auth.caller import Caller, CallerKind
from auth.crypto.entry_tokens import EntryTokens, build_viewer_key
from engine.reporting import ReadRecorder
from records.calls.subject_reads import RequestInfo, SubjectRead, hash_document
from records.hub.clients import ClientId
from store.ledger.refusal_counts import RefusalCount, RefusalTable
from store.ledger.unusual_reading import ReadingStatistics, TimeUnit, UnusualReading

READERS = (
    CallerKind.OFFICIAL,
    CallerKind.AGENCY_SYSTEM,
    CallerKind.PARTNER,
    CallerKind.SUPERVISOR,
    CallerKind.AUDITOR,
    CallerKind.PROTECTION_OFFICER,
)
"""Kinds of callers that read about other people."""
MAX_REFUSALS = 1_000
_CLASSES = ("PERSONAL",)
_READER_FIELDS = ("AccessEntry.agency", "AccessEntry.client", "AccessEntry.reader", "AccessEntry.readerKind")


class Viewer(NamedTuple):
    """The viewer and their case. Readers' tokens are sealed for both, as in the graph (`accessEntries`)."""

    subject: str
    """Their name: in the graph, the issuer and `sub` of their token with a space between."""
    case: str
    client: ClientId | None = None
    """In the graph, the application with which they signed in."""

    @property
    def as_caller(self) -> Caller:
        """The viewer as a caller of the ledger."""
        return Caller(kind=CallerKind.PROTECTION_OFFICER, subject=self.subject, case=self.case, client=self.client)


class ShownReading(NamedTuple):
    """An unusual hour or day, and the reader's token."""

    reading: UnusualReading
    reader: str


class ShownRefusal(NamedTuple):
    """A count of refusals, and the caller's token; None for anonymous callers."""

    refusal: RefusalCount
    caller: str | None


class ReadingReview:
    """Runs the review for one CLI command."""

    def __init__(
        self, statistics: ReadingStatistics, refusals: RefusalTable, tokens: EntryTokens, recorder: ReadRecorder
    ) -> None:
        """Records each use in `recorder`, like all other reads."""
        self._statistics = statistics
        self._refusals = refusals
        self._tokens = tokens
        self._recorder = recorder

    async def list_unusual(self, viewer: Viewer, *, days: int) -> Sequence[ShownReading]:
        """Unusual reading of the last days, today included; raises `NotRecorded` and `StateUnavailable`."""
        start = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days - 1)
        kinds = [each.value for each in READERS]
        found = [each for unit in TimeUnit for each in await self._statistics.find_unusual(start, kinds, unit)]
        await self._record(viewer, "UnusualReading")
        sealed_for = build_viewer_key(viewer.as_caller)
        return [ShownReading(each, self._tokens.seal(each.caller, sealed_for)) for each in found]

    async def list_refusals(self, viewer: Viewer, *, hours: int) -> Sequence[ShownRefusal]:
        """Refusals of the last hours; raises as `list_unusual`."""
        start = datetime.now(UTC) - timedelta(hours=hours)
        found = await self._refusals.load_since(start, limit=MAX_REFUSALS)
        await self._record(viewer, "Refusals")
        sealed_for = build_viewer_key(viewer.as_caller)
        return [
            ShownRefusal(each, self._tokens.seal(each.key.caller, sealed_for) if each.key.caller else None)
            for each in found
        ]

    async def _record(self, viewer: Viewer, operation: str) -> None:
        """Record the use before the result is shown. It concerns readers, not the people that they read."""
        request_info = RequestInfo(
            caller=viewer.as_caller, request_id=token_hex(16), operation=operation, document=hash_document(operation)
        )
        await self._recorder(
            request_info, [SubjectRead(subject=None, fields=_READER_FIELDS, agencies=(), data_classes=_CLASSES)]
        )

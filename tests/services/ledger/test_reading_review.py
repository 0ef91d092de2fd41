"""The reading review for the data-protection officer: tokens as in the graph, and a ledger entry for each use."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.caller import Caller, CallerKind
from auth.crypto.entry_tokens import EntryTokens, build_viewer_key
from engine.errors import NotRecorded
from records.calls.subject_reads import RequestInfo, SubjectRead
from records.hub.clients import ClientId
from services.ledger.reading_review import ReadingReview, Viewer
from store.database import migrate
from store.ledger.access_ledger import AccessLedger
from store.ledger.refusal_counts import RefusalKey, RefusalTable
from store.ledger.unusual_reading import ReadingStatistics
from tests.store.conftest import empty, state_url
from tests.store.ledger.sample_entry import ENTRY, SECRET

__all__ = ["empty", "state_url"]

TOKENS = EntryTokens(SECRET)
SURYA = Viewer(subject="https://issuer surya", case="PDP/1", client=ClientId("city", "app"))
IN_THE_GRAPH = Caller(
    kind=CallerKind.PROTECTION_OFFICER,
    subject="https://issuer surya",
    case="PDP/1",
    client=ClientId("city", "app"),
    role="officer",
)
THIEF = b"T" * 32


class RecordedViews:
    def __init__(self) -> None:
        self.looks: list[tuple[str | None, str | None, tuple[str, ...]]] = []
        self.down = False

    async def __call__(self, request: RequestInfo, reads: Sequence[SubjectRead]) -> None:
        if self.down:
            raise NotRecorded("down")
        (read,) = reads
        assert read.subject is None
        self.looks.append((request.operation, request.caller.case, read.fields))


async def review(engine: AsyncEngine, book: RecordedViews) -> ReadingReview:
    await migrate(engine)
    return ReadingReview(ReadingStatistics(engine), RefusalTable(engine), TOKENS, book)


async def test_a_reader_has_the_same_token_as_in_the_graph_for_that_case(empty: AsyncEngine) -> None:
    book = RecordedViews()
    looking = await review(empty, book)
    ledger = AccessLedger(empty, SECRET)
    await ledger.start()
    entries = [ENTRY._replace(at=datetime.now(UTC), caller=THIEF, subject=b"%32d" % number) for number in range(30)]
    await ledger.write(entries)
    await ledger.close()
    found = await looking.list_unusual(SURYA, days=1)
    assert {(each.reading.unit.value, each.reading.people) for each in found} == {("hour", 30), ("day", 30)}
    assert {TOKENS.open(each.reader, build_viewer_key(IN_THE_GRAPH)) for each in found} == {THIEF}
    other = await looking.list_unusual(SURYA._replace(case="PDP/2"), days=1)
    assert {each.reader for each in other}.isdisjoint(each.reader for each in found)
    fields = ("AccessEntry.agency", "AccessEntry.client", "AccessEntry.reader", "AccessEntry.readerKind")
    assert book.looks == [("UnusualReading", "PDP/1", fields), ("UnusualReading", "PDP/2", fields)]


async def test_refusals_name_callers_by_token_and_anonymous_callers_not_at_all(empty: AsyncEngine) -> None:
    book = RecordedViews()
    looking = await review(empty, book)
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    thief = RefusalKey(hour, "official", THIEF, "Query.citizen", "CASE_NOT_OPEN")
    nobody = RefusalKey(hour, "anonymous", b"", "Query.me", "SIGN_IN")
    past = thief._replace(hour=hour - timedelta(hours=5))
    await RefusalTable(empty).add({thief: 7, nobody: 3, past: 1})
    found = await looking.list_refusals(SURYA, hours=2)
    assert [(each.refusal.key, each.refusal.times) for each in found] == [(thief, 7), (nobody, 3)]
    assert found[1].caller is None
    assert TOKENS.open(found[0].caller or "", build_viewer_key(IN_THE_GRAPH)) == THIEF
    assert [operation for operation, _, _ in book.looks] == ["Refusals"]


async def test_nothing_is_shown_if_the_use_cannot_be_recorded(empty: AsyncEngine) -> None:
    book = RecordedViews()
    looking = await review(empty, book)
    book.down = True
    with pytest.raises(NotRecorded):
        await looking.list_unusual(SURYA, days=1)
    with pytest.raises(NotRecorded):
        await looking.list_refusals(SURYA, hours=1)

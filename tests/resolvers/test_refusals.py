"""Refusals leave a trace: whose, of what, why and how often, with a bound that no flood passes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from auth.caller import ANONYMOUS, Caller, CallerKind
from auth.pseudonyms import Pseudonyms
from engine.refused_fields import RefusedField
from engine.request import GraphQLRequest
from engine.run import Engine
from resolvers.refusals import RefusalTally
from schema.asking import Asking
from store.refusals import OTHERS, RefusalKey
from store.unavailable import StateUnavailable
from tests.schema.asking import IDS, engine
from tests.small_city import SmallCity
from tests.small_records import AYU, BUDI, CALL, CALLERS, SITI

PSEUDONYMS = Pseudonyms(b"s" * 32)
NOW = datetime(2026, 11, 29, 9, 41, 7, tzinfo=UTC)
HOUR = datetime(2026, 11, 29, 9, tzinfo=UTC)


class Kept:
    def __init__(self) -> None:
        self.rows: dict[RefusalKey, int] = {}
        self.down = False

    async def add(self, counts: Mapping[RefusalKey, int]) -> None:
        if self.down:
            raise StateUnavailable("down")
        for key, times in counts.items():
            self.rows[key] = self.rows.get(key, 0) + times


def tally(kept: Kept, *, most_waiting: int = 100) -> RefusalTally:
    return RefusalTally(PSEUDONYMS, kept, clock=lambda: NOW, most_waiting=most_waiting)


async def ask(counted: RefusalTally, query: str, caller: Caller, *, plans: bool = True) -> None:
    by = Engine(engine().schema, engine().rules, plans=plans, refusals=counted)

    def opened() -> Asking:
        return Asking(caller=caller, call=CALL, agencies=SmallCity().agencies(), node_ids=IDS)

    await by.run(GraphQLRequest(query=query), opened, request_id="r-1", who=caller, until=CALL.deadline)


@pytest.mark.parametrize("plans", [True, False], ids=["by a plan", "by graphql-core"])
async def test_a_refused_field_is_counted_by_its_name_in_the_schema_whatever_it_was_called(*, plans: bool) -> None:
    kept = Kept()
    counted = tally(kept)
    query = (
        f'{{ markets {{ name }} siti_{SITI}: citizen(nik: "{SITI}") {{ name }} b: citizen(nik: "{AYU}") {{ name }} }}'
    )
    await ask(counted, query, CALLERS["another citizen"], plans=plans)
    await counted.write()
    budi = PSEUDONYMS.of_person(BUDI)
    assert kept.rows == {RefusalKey(HOUR, "citizen", budi, "Query.citizen", "NOT_YOURS"): 2}
    assert counted.by_reason == {"NOT_YOURS": 2}


async def test_an_operation_that_is_refused_whole_is_counted_for_nobody_in_particular_where_nobody_signed_in() -> None:
    kept = Kept()
    counted = tally(kept)
    await ask(counted, "{ me { name } }", ANONYMOUS)
    await counted.write()
    assert kept.rows == {RefusalKey(HOUR, "anonymous", b"", "Query.me", "SIGN_IN"): 1}


async def test_what_is_answered_leaves_no_trace_here() -> None:
    kept = Kept()
    counted = tally(kept)
    await ask(counted, "{ me { name } }", CALLERS["the person"])
    await counted.write()
    assert (kept.rows, counted.waiting, counted.by_reason) == ({}, 0, {})


async def test_beyond_the_bound_refusals_count_for_all_others_together_and_none_is_lost() -> None:
    kept = Kept()
    counted = tally(kept, most_waiting=3)
    for number in range(50):
        caller = Caller(kind=CallerKind.OFFICIAL, agency="pbb", subject=f"https://i {number}")
        counted.note(caller, {RefusedField("Query.citizen", "CASE_REQUIRED"): 2})
    assert counted.waiting == 4
    await counted.write()
    assert kept.rows[RefusalKey(HOUR, "official", b"", OTHERS, "CASE_REQUIRED")] == 94
    assert sum(kept.rows.values()) == counted.by_reason["CASE_REQUIRED"] == 100


async def test_anonymous_callers_take_one_row_a_field_and_reason_however_many_they_are() -> None:
    counted = tally(Kept())
    for _ in range(10_000):
        counted.note(ANONYMOUS, {RefusedField("Query.me", "SIGN_IN"): 1})
    assert counted.waiting == 1


async def test_while_the_database_is_away_counts_wait_and_are_written_when_it_is_back() -> None:
    kept = Kept()
    counted = tally(kept)
    kept.down = True
    counted.note(ANONYMOUS, {RefusedField("Query.me", "SIGN_IN"): 1})
    await counted.write()
    counted.note(ANONYMOUS, {RefusedField("Query.me", "SIGN_IN"): 1})
    kept.down = False
    async with counted.running():
        pass
    assert list(kept.rows.values()) == [2]
    assert counted.waiting == 0

"""Refusals are counted by caller, field, reason and hour, with a bound on the number of rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from auth.caller import ANONYMOUS, Caller, CallerKind
from auth.crypto.pseudonyms import Pseudonyms
from engine.engine import Engine
from engine.reporting import RefusedField
from engine.request import GraphQLRequest
from engine.run_request import RunReporting, RunRequest
from records.identifiers import Nik
from schema.declarations.request_context import RequestContext
from services.ledger.refusal_tally import RefusalTally
from store.database_timeout import StateUnavailable
from store.ledger.refusal_counts import OTHERS, RefusalKey
from tests.fakes.city import build_policy
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import AYU, BUDI, CALL, CALLERS, SITI
from tests.schema.requests import IDS, build_engine

PSEUDONYMS = Pseudonyms(b"s" * 32)
NOW = datetime(2026, 11, 29, 9, 41, 7, tzinfo=UTC)
HOUR = datetime(2026, 11, 29, 9, tzinfo=UTC)


class MemoryRefusalStore:
    def __init__(self) -> None:
        self.rows: dict[RefusalKey, int] = {}
        self.down = False

    async def add(self, counts: Mapping[RefusalKey, int]) -> None:
        if self.down:
            raise StateUnavailable("down")
        for key, times in counts.items():
            self.rows[key] = self.rows.get(key, 0) + times


def tally(kept: MemoryRefusalStore, *, max_waiting: int = 100) -> RefusalTally:
    return RefusalTally(PSEUDONYMS, kept, clock=lambda: NOW, max_waiting=max_waiting)


async def ask(counted: RefusalTally, query: str, caller: Caller, *, plans: bool = True) -> None:
    by = Engine(build_engine().schema, build_engine().rules, use_plans=plans, reporting=RunReporting(refusals=counted))

    def opened() -> RequestContext:
        return RequestContext(
            policy=build_policy(), caller=caller, call=CALL, agencies=SmallCity().agencies(), node_ids=IDS
        )

    await by.run(
        RunRequest(
            request=GraphQLRequest(query=query),
            context_factory=opened,
            request_id="r-1",
            caller_key=caller,
            deadline=CALL.deadline,
        )
    )


@pytest.mark.parametrize("plans", [True, False], ids=["by a plan", "by graphql-core"])
async def test_a_refused_field_is_counted_by_its_schema_name_despite_an_alias(*, plans: bool) -> None:
    kept = MemoryRefusalStore()
    counted = tally(kept)
    query = (
        f'{{ markets {{ name }} siti_{SITI}: citizen(nik: "{SITI}") {{ name }} b: citizen(nik: "{AYU}") {{ name }} }}'
    )
    await ask(counted, query, CALLERS["another citizen"], plans=plans)
    await counted.write()
    budi = PSEUDONYMS.pseudonymize_person(BUDI)
    assert kept.rows == {RefusalKey(HOUR, "citizen", budi, "Query.citizen", "NOT_YOURS"): 2}
    assert counted.by_reason == {"NOT_YOURS": 2}


async def test_an_anonymous_refused_operation_is_counted_without_a_caller() -> None:
    kept = MemoryRefusalStore()
    counted = tally(kept)
    await ask(counted, "{ me { name } }", ANONYMOUS)
    await counted.write()
    assert kept.rows == {RefusalKey(HOUR, "anonymous", b"", "Query.me", "SIGN_IN"): 1}


async def test_answered_fields_are_not_counted() -> None:
    kept = MemoryRefusalStore()
    counted = tally(kept)
    await ask(counted, "{ me { name } }", CALLERS["the person"])
    await counted.write()
    assert (kept.rows, counted.waiting, counted.by_reason) == ({}, 0, {})


async def test_beyond_the_bound_refusals_count_in_the_row_for_all_others() -> None:
    kept = MemoryRefusalStore()
    counted = tally(kept, max_waiting=3)
    for number in range(50):
        caller = Caller(kind=CallerKind.OFFICIAL, agency="pbb", subject=f"https://i {number}")
        counted.record(caller, {RefusedField("Query.citizen", "CASE_REQUIRED"): 2})
    assert counted.waiting == 4
    await counted.write()
    assert kept.rows[RefusalKey(HOUR, "official", b"", OTHERS, "CASE_REQUIRED")] == 94
    assert sum(kept.rows.values()) == counted.by_reason["CASE_REQUIRED"] == 100


async def test_citizens_beyond_the_bound_do_not_hide_which_official_was_refused() -> None:
    kept = MemoryRefusalStore()
    counted = tally(kept, max_waiting=3)
    for number in range(50):
        citizen = Caller(kind=CallerKind.CITIZEN, nik=Nik(f"{3171014506900000 + number}"))
        counted.record(citizen, {RefusedField("Citizen.taxObjects", "SCOPE_REQUIRED"): 1})
    official = Caller(kind=CallerKind.OFFICIAL, agency="pbb", subject="https://i 1")
    counted.record(official, {RefusedField("Query.citizen", "CASE_REQUIRED"): 1})
    await counted.write()
    [of_officials] = [each for each in kept.rows if each.kind == "official"]
    assert (of_officials.field, of_officials.caller) == ("Query.citizen", PSEUDONYMS.pseudonymize_caller(official))


async def test_all_anonymous_callers_share_one_row_per_field_and_reason() -> None:
    counted = tally(MemoryRefusalStore())
    for _ in range(10_000):
        counted.record(ANONYMOUS, {RefusedField("Query.me", "SIGN_IN"): 1})
    assert counted.waiting == 1


async def test_counts_wait_while_the_database_is_away_and_are_written_later() -> None:
    kept = MemoryRefusalStore()
    counted = tally(kept)
    kept.down = True
    counted.record(ANONYMOUS, {RefusedField("Query.me", "SIGN_IN"): 1})
    await counted.write()
    counted.record(ANONYMOUS, {RefusedField("Query.me", "SIGN_IN"): 1})
    kept.down = False
    async with counted.running():
        pass
    assert list(kept.rows.values()) == [2]
    assert counted.waiting == 0

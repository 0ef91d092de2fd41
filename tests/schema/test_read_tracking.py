"""The reads that the engine reports of an answer, by subject: exact, for plans and for graphql-core."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from auth.caller import Caller
from auth.policy.rules import Rule
from engine.engine import Engine
from engine.errors import NotRecorded
from engine.request import GraphQLRequest, GraphQLResponse, ResponseOutcome
from engine.run_request import RunReporting, RunRequest
from records.calls.subject_reads import RequestInfo, SubjectRead, hash_document
from records.identifiers import Nik
from schema.declarations.fields import PublishedField
from schema.declarations.request_context import RequestContext
from tests.fakes.city import build_policy
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import AYU, BUDI, CALL, CALLERS, NOBODY, NOP, PUBLIC, SITI
from tests.schema.requests import IDS, build_engine

ReadSummary = tuple[Any, tuple[str, ...], tuple[str, ...]]


class ReportedReads:
    """Remembers the reported reads."""

    def __init__(self, *, closed: bool = False) -> None:
        self.closed = closed
        self.kept: list[tuple[RequestInfo, Sequence[SubjectRead]]] = []

    async def __call__(self, request: RequestInfo, reads: Sequence[SubjectRead]) -> None:
        await asyncio.sleep(0)
        if self.closed:
            raise NotRecorded("The book is closed.")
        self.kept.append((request, reads))

    @property
    def seen(self) -> list[ReadSummary]:
        """By subject, of the single answer."""
        ((_, reads),) = self.kept
        return sorted(((read.subject, read.fields, read.agencies) for read in reads), key=repr)


WAYS = ("by graphql-core", "by a plan", "by a plan, seen again", "shared")


def build_reporting_engine(way: str, book: ReportedReads) -> Engine:
    return Engine(
        build_engine().schema,
        build_engine().rules,
        use_plans=way != "by graphql-core",
        share_runs=way == "shared",
        reporting=RunReporting(recorder=book),
    )


async def run_with_reads(
    way: str,
    query: str,
    book: ReportedReads,
    *,
    caller: str = "an official",
    city: SmallCity | None = None,
    **variables: str | list[Nik],
) -> GraphQLResponse:
    by = build_reporting_engine(way, book)
    request = GraphQLRequest(query=query, variables=variables)

    def opened() -> RequestContext:
        return RequestContext(
            policy=build_policy(),
            caller=CALLERS[caller],
            call=CALL,
            agencies=(city or SmallCity()).agencies(),
            node_ids=IDS,
        )

    async def run() -> GraphQLResponse:
        return await by.run(
            RunRequest(
                request=request,
                context_factory=opened,
                request_id="r-1",
                caller_key=CALLERS[caller],
                deadline=CALL.deadline,
            )
        )

    if way == "by a plan, seen again":
        await run()
        book.kept.clear()
    return await run()


async def run_and_summarize(
    query: str, *, caller: str = "an official", city: SmallCity | None = None, **variables: str | list[Nik]
) -> list[ReadSummary]:
    """The reported reads, which have to be the same for plans and graphql-core."""
    books = {way: ReportedReads() for way in WAYS}
    for way, book in books.items():
        await run_with_reads(way, query, book, caller=caller, city=city, **variables)
    told = {way: book.seen if book.kept else [] for way, book in books.items()}
    assert list(told.values()) == [told["by a plan"]] * len(WAYS)
    return told["by a plan"]


async def test_reading_about_oneself_is_reported_with_each_field_and_its_agency() -> None:
    assert await run_and_summarize(
        "{ me { name residence { address region { name } } msmes { name } } }", caller="the person"
    ) == [
        (
            SITI,
            (
                "Citizen.msmes",
                "Citizen.name",
                "Citizen.residence",
                "Msme.name",
                "Query.me",
                "Residence.address",
                "Residence.region",
            ),
            ("dukcapil", "jakpreneur"),
        )
    ]


async def test_a_field_with_several_aliases_is_reported_once() -> None:
    assert await run_and_summarize("{ me { a: name b: name } }", caller="the person") == [
        (SITI, ("Citizen.name", "Query.me"), ("dukcapil",))
    ]


async def test_everybody_on_a_family_card_is_reported() -> None:
    household = ("Household.familyCardNumber", "Household.members", "HouseholdMember.name")
    assert await run_and_summarize(
        "{ me { household { familyCardNumber members { name } } } }", caller="the person"
    ) == [
        (AYU, household, ("dukcapil",)),
        (SITI, ("Citizen.household", *household, "Query.me"), ("dukcapil",)),
    ]


async def test_a_refused_field_is_not_reported() -> None:
    query = "query ($nik: NIK!) { me { nik } citizen(nik: $nik) { name } }"
    assert await run_and_summarize(query, caller="another citizen", nik=SITI) == [
        (BUDI, ("Citizen.nik", "Query.me"), ())
    ]


async def test_a_failed_field_is_not_reported() -> None:
    assert await run_and_summarize(
        "{ me { nik name msmes { name } } }", caller="the person", city=SmallCity(failing_agencies={"dukcapil"})
    ) == [(SITI, ("Citizen.msmes", "Citizen.nik", "Msme.name", "Query.me"), ("jakpreneur",))]


async def test_an_empty_list_or_an_unknown_person_is_reported() -> None:
    query = "query ($niks: [NIK!]!) { citizens(niks: $niks) { taxObjects { nop } } }"
    assert await run_and_summarize(query, niks=[BUDI, NOBODY]) == [
        (BUDI, ("Citizen.taxObjects", "Query.citizens"), ("dukcapil", "pbb")),
        (NOBODY, ("Query.citizens",), ("dukcapil",)),
    ]


async def test_public_data_is_never_reported() -> None:
    assert (
        await run_and_summarize(
            "{ regions(first: 2) { name } markets { name } complaints { nodes { number description } } }"
        )
        == []
    )


async def test_a_node_is_reported_with_the_agency_it_came_from() -> None:
    assert await run_and_summarize(
        "query ($id: ID!) { node(id: $id) { ... on Citizen { nik } } }", id=IDS.seal("Citizen", SITI)
    ) == [(SITI, ("Citizen.nik", "Query.node"), ("dukcapil",))]


@pytest.mark.parametrize("selected", ["__typename", "id", "x: __typename"])
async def test_the_existence_of_a_node_is_a_read_of_its_person(selected: str) -> None:
    land = IDS.seal("TaxObject", f"{SITI}:{NOP}")
    unknown = IDS.seal("Citizen", NOBODY)
    one = await run_and_summarize(f"query ($id: ID!) {{ node(id: $id) {{ {selected} }} }}", id=land)
    assert one == [(SITI, ("Query.node",), ())]
    several = await run_and_summarize(f'{{ nodes(ids: ["{land}", "{unknown}", "made up"]) {{ {selected} }} }}')
    assert sorted(several) == [(NOBODY, ("Query.nodes",), ()), (SITI, ("Query.nodes",), ())]


async def test_the_existence_of_a_public_node_is_not_reported() -> None:
    assert await run_and_summarize(f'{{ node(id: "{IDS.seal("Complaint", PUBLIC)}") {{ id }} }}') == []
    assert await run_and_summarize(f'{{ node(id: "{IDS.seal("Market", "3")}") {{ __typename }} }}') == []


async def test_a_forbidden_node_reveals_nothing_and_is_no_read() -> None:
    assert (
        await run_and_summarize(f'{{ node(id: "{IDS.seal("Citizen", SITI)}") {{ id }} }}', caller="another citizen")
        == []
    )


async def test_a_private_complaint_is_reported_and_a_public_one_is_not() -> None:
    found = await run_and_summarize("query ($nik: NIK!) { citizen(nik: $nik) { complaints { number } } }", nik=SITI)
    assert found == [(SITI, ("Citizen.complaints", "Complaint.number", "Query.citizen"), ("crm", "dukcapil"))]
    assert await run_and_summarize("{ complaints { nodes { number events { note } } } }") == []


@pytest.mark.parametrize("way", WAYS)
async def test_reading_a_child_on_the_own_card_differs_from_reading_as_a_guardian(
    way: str,
) -> None:
    book, city = ReportedReads(), SmallCity(ayu_born=date.fromisoformat("2020-01-01"))
    query = f'{{ me {{ household {{ familyCardNumber }} }} citizen(nik: "{AYU}") {{ residence {{ address }} }} }}'
    await run_with_reads(way, query, book, caller="the person", city=city)
    ((_, reads),) = book.kept
    assert sorted((each.subject, each.is_own, each.fields) for each in reads) == [
        (AYU, False, ("Citizen.residence", "Query.citizen", "Residence.address")),
        (AYU, True, ("Household.familyCardNumber",)),
        (SITI, True, ("Citizen.household", "Household.familyCardNumber", "Query.me")),
    ]


@pytest.mark.parametrize("way", WAYS)
async def test_each_data_class_is_reported_once(way: str) -> None:
    book = ReportedReads()
    query = "{ me { name civilStatus { religion bloodType } msmes { name monthlyRevenue } } }"
    await run_with_reads(way, query, book, caller="the person")
    ((_, (read,)),) = book.kept
    assert read.data_classes == ("PERSONAL", "SPECIFIC:FINANCE", "SPECIFIC:HEALTH")


@pytest.mark.parametrize("way", WAYS)
async def test_an_officials_reads_are_never_about_themself(way: str) -> None:
    book = ReportedReads()
    await run_with_reads(way, "query ($nik: NIK!) { citizen(nik: $nik) { name } }", book, nik=SITI)
    ((_, reads),) = book.kept
    assert [read.is_own for read in reads] == [False]


async def test_without_a_recorder_reads_are_not_computed() -> None:
    query = GraphQLRequest(query="{ me { name } }")
    for plans in (True, False):
        by = Engine(build_engine().schema, build_engine().rules, use_plans=plans)
        response = await by.run(
            RunRequest(request=query, context_factory=lambda: build_caller_context("the person"), request_id="r-1")
        )
        assert (response.data is not None, response.reads) == (True, ())


def test_a_guardian_who_reads_the_card_also_reads_about_themself() -> None:
    """So a citizen's reads in records that are not about themself were made as a guardian."""
    for type_ in build_engine().schema.type_map.values():
        for field in getattr(type_, "fields", {}).values():
            definition = field.extensions.get("strawberry-definition")
            if isinstance(definition, PublishedField) and definition.guard is not None:
                rule = definition.guard.access.rules
                assert Rule.GUARDIAN not in rule or Rule.SELF in rule


@pytest.mark.parametrize("way", WAYS)
async def test_reads_are_reported_with_the_request(way: str) -> None:
    book = ReportedReads()
    query = "query Mine { me { name } }"
    await run_with_reads(way, query, book, caller="the person")
    ((asked, _),) = book.kept
    assert (asked.caller, asked.request_id, asked.operation) == (CALLERS["the person"], "r-1", "Mine")
    assert asked.document == hash_document(query)


@pytest.mark.parametrize("way", WAYS)
async def test_each_request_is_recorded_with_the_hash_of_the_document_it_sent(way: str) -> None:
    book = ReportedReads()
    documents = ["query Same { me { name } }", "query Same { me { nik } }", "query Same { me { name  } }"]
    by = build_reporting_engine(way, book)
    asked = [*documents, *reversed(documents), *documents]
    for document in asked:
        await by.run(
            RunRequest(
                request=GraphQLRequest(query=document),
                context_factory=lambda: build_caller_context("the person"),
                request_id="r-1",
                caller_key=CALLERS["the person"],
                deadline=CALL.deadline,
            )
        )
    assert [each.document for each, _ in book.kept] == [hash_document(each) for each in asked]


@pytest.mark.parametrize("way", WAYS)
async def test_data_is_withheld_if_its_read_cannot_be_recorded(way: str) -> None:
    book = ReportedReads(closed=True)
    response = await run_with_reads(way, "{ me { name } regions(first: 1) { name } }", book, caller="the person")
    assert response == GraphQLResponse(
        outcome=ResponseOutcome.ANSWERED,
        errors=[{"message": "The book is closed.", "extensions": {"code": "LEDGER_UNAVAILABLE"}}],
    )


@pytest.mark.parametrize("way", WAYS)
async def test_public_data_is_answered_even_if_nothing_can_be_recorded(way: str) -> None:
    response = await run_with_reads(way, "{ regions(first: 1) { name } }", ReportedReads(closed=True))
    assert (response.errors, response.reads) == ([], ())


async def test_each_caller_of_a_shared_run_is_recorded() -> None:
    book = ReportedReads()
    by = Engine(build_engine().schema, build_engine().rules, share_runs=True, reporting=RunReporting(recorder=book))
    asked = 0

    async def run(number: int) -> GraphQLResponse:
        def opened() -> RequestContext:
            nonlocal asked
            asked += 1
            return RequestContext(policy=build_policy(), caller=who, call=CALL, agencies=slow.agencies(), node_ids=IDS)

        who: Caller = CALLERS["the person"]
        return await by.run(
            RunRequest(
                request=GraphQLRequest(query="{ me { name } }"),
                context_factory=opened,
                request_id=f"r-{number}",
                caller_key=who,
                deadline=CALL.deadline,
            )
        )

    slow = BlockedCity()
    waiting = [asyncio.create_task(run(number)) for number in range(5)]
    await slow.begun.wait()
    slow.may.set()
    await asyncio.gather(*waiting)
    assert asked == 1
    assert sorted(each.request_id for each, _ in book.kept) == ["r-0", "r-1", "r-2", "r-3", "r-4"]
    assert {tuple(reads) for _, reads in book.kept} == {
        (SubjectRead(SITI, ("Citizen.name", "Query.me"), ("dukcapil",), ("PERSONAL",), is_own=True),)
    }


def build_caller_context(caller: str) -> RequestContext:
    return RequestContext(
        policy=build_policy(), caller=CALLERS[caller], call=CALL, agencies=SmallCity().agencies(), node_ids=IDS
    )


class BlockedCity(SmallCity):
    """Answers when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()
        self.may = asyncio.Event()

    async def load_facets(self, *given: Any) -> Any:  # noqa: ANN401 - as the city
        self.begun.set()
        await self.may.wait()
        return await super().load_facets(*given)

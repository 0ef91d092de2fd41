"""What the engine reports of an answer: what it holds of whom, no more and no less, whichever way it was run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from auth.caller import Caller
from auth.rules import Rule
from engine.errors import NotRecorded
from engine.reads import Asked, Read, document_hash
from engine.request import GraphQLRequest, GraphQLResponse, Outcome
from engine.run import Engine
from records.identifiers import Nik
from schema.asking import Asking
from schema.fields import PublishedField
from tests.schema.asking import IDS, engine
from tests.small_city import SmallCity
from tests.small_records import AYU, BUDI, CALL, CALLERS, NOBODY, NOP, PUBLIC, SITI

Seen = tuple[Any, tuple[str, ...], tuple[str, ...]]


class Book:
    """Remembers what it is handed."""

    def __init__(self, *, closed: bool = False) -> None:
        self.closed = closed
        self.kept: list[tuple[Asked, Sequence[Read]]] = []

    async def __call__(self, asked: Asked, reads: Sequence[Read]) -> None:
        await asyncio.sleep(0)
        if self.closed:
            raise NotRecorded("The book is closed.")
        self.kept.append((asked, reads))

    @property
    def seen(self) -> list[Seen]:
        """By subject, of the one answer there was."""
        ((_, reads),) = self.kept
        return sorted(((read.subject, read.fields, read.agencies) for read in reads), key=repr)


WAYS = ("by graphql-core", "by a plan", "by a plan, seen again", "shared")


async def answered(
    way: str,
    query: str,
    book: Book,
    *,
    caller: str = "an official",
    city: SmallCity | None = None,
    **variables: str | list[Nik],
) -> GraphQLResponse:
    by = Engine(
        engine().schema, engine().rules, plans=way != "by graphql-core", coalescing=way == "shared", recorder=book
    )
    request = GraphQLRequest(query=query, variables=variables)

    def opened() -> Asking:
        return Asking(caller=CALLERS[caller], call=CALL, agencies=(city or SmallCity()).agencies(), node_ids=IDS)

    async def run() -> GraphQLResponse:
        return await by.run(request, opened, request_id="r-1", who=CALLERS[caller], until=CALL.deadline)

    if way == "by a plan, seen again":
        await run()
        book.kept.clear()
    return await run()


async def seen(
    query: str, *, caller: str = "an official", city: SmallCity | None = None, **variables: str | list[Nik]
) -> list[Seen]:
    """What is reported, which has to be the same whichever way it is run."""
    books = {way: Book() for way in WAYS}
    for way, book in books.items():
        await answered(way, query, book, caller=caller, city=city, **variables)
    told = {way: book.seen if book.kept else [] for way, book in books.items()}
    assert list(told.values()) == [told["by a plan"]] * len(WAYS)
    return told["by a plan"]


async def test_a_person_who_reads_themself_is_reported_with_each_field_and_where_it_came_from() -> None:
    assert await seen("{ me { name residence { address region { name } } msmes { name } } }", caller="the person") == [
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


async def test_a_field_under_several_names_is_one() -> None:
    assert await seen("{ me { a: name b: name } }", caller="the person") == [
        (SITI, ("Citizen.name", "Query.me"), ("dukcapil",))
    ]


async def test_everybody_on_a_family_card_is_reported() -> None:
    household = ("Household.familyCardNumber", "Household.members", "HouseholdMember.name")
    assert await seen("{ me { household { familyCardNumber members { name } } } }", caller="the person") == [
        (AYU, household, ("dukcapil",)),
        (SITI, ("Citizen.household", *household, "Query.me"), ("dukcapil",)),
    ]


async def test_what_is_refused_was_not_read() -> None:
    query = "query ($nik: NIK!) { me { nik } citizen(nik: $nik) { name } }"
    assert await seen(query, caller="another citizen", nik=SITI) == [(BUDI, ("Citizen.nik", "Query.me"), ())]


async def test_what_an_agency_did_not_give_was_not_read() -> None:
    assert await seen("{ me { nik name msmes { name } } }", caller="the person", city=SmallCity(down={"dukcapil"})) == [
        (SITI, ("Citizen.msmes", "Citizen.nik", "Msme.name", "Query.me"), ("jakpreneur",))
    ]


async def test_that_somebody_has_nothing_or_is_unknown_is_knowledge_about_them() -> None:
    query = "query ($niks: [NIK!]!) { citizens(niks: $niks) { taxObjects { nop } } }"
    assert await seen(query, niks=[BUDI, NOBODY]) == [
        (BUDI, ("Citizen.taxObjects", "Query.citizens"), ("dukcapil", "pbb")),
        (NOBODY, ("Query.citizens",), ("dukcapil",)),
    ]


async def test_public_data_is_never_reported() -> None:
    assert (
        await seen("{ regions(first: 2) { name } markets { name } complaints { nodes { number description } } }") == []
    )


async def test_a_node_is_reported_with_the_agency_it_came_from() -> None:
    assert await seen(
        "query ($id: ID!) { node(id: $id) { ... on Citizen { nik } } }", id=IDS.seal("Citizen", SITI)
    ) == [(SITI, ("Citizen.nik", "Query.node"), ("dukcapil",))]


@pytest.mark.parametrize("selected", ["__typename", "id", "x: __typename"])
async def test_that_a_node_exists_is_read_of_whom_its_key_names_though_nothing_else_is_selected(selected: str) -> None:
    land = IDS.seal("TaxObject", f"{SITI}:{NOP}")
    unknown = IDS.seal("Citizen", NOBODY)
    one = await seen(f"query ($id: ID!) {{ node(id: $id) {{ {selected} }} }}", id=land)
    assert one == [(SITI, ("Query.node",), ())]
    several = await seen(f'{{ nodes(ids: ["{land}", "{unknown}", "made up"]) {{ {selected} }} }}')
    assert sorted(several) == [(NOBODY, ("Query.nodes",), ()), (SITI, ("Query.nodes",), ())]


async def test_that_a_public_node_exists_is_read_of_nobody() -> None:
    assert await seen(f'{{ node(id: "{IDS.seal("Complaint", PUBLIC)}") {{ id }} }}') == []
    assert await seen(f'{{ node(id: "{IDS.seal("Market", "3")}") {{ __typename }} }}') == []


async def test_that_a_node_exists_which_the_caller_may_not_see_is_not_told_and_so_not_read() -> None:
    assert await seen(f'{{ node(id: "{IDS.seal("Citizen", SITI)}") {{ id }} }}', caller="another citizen") == []


async def test_a_private_complaint_is_reported_for_its_reporter_and_a_public_one_for_nobody() -> None:
    found = await seen("query ($nik: NIK!) { citizen(nik: $nik) { complaints { number } } }", nik=SITI)
    assert found == [(SITI, ("Citizen.complaints", "Complaint.number", "Query.citizen"), ("crm", "dukcapil"))]
    assert await seen("{ complaints { nodes { number events { note } } } }") == []


@pytest.mark.parametrize("way", WAYS)
async def test_what_a_parent_reads_of_a_child_on_their_own_card_is_another_read_than_what_they_read_as_a_guardian(
    way: str,
) -> None:
    book, city = Book(), SmallCity(ayu_born=date.fromisoformat("2020-01-01"))
    query = f'{{ me {{ household {{ familyCardNumber }} }} citizen(nik: "{AYU}") {{ residence {{ address }} }} }}'
    await answered(way, query, book, caller="the person", city=city)
    ((_, reads),) = book.kept
    assert sorted((each.subject, each.own, each.fields) for each in reads) == [
        (AYU, False, ("Citizen.residence", "Query.citizen", "Residence.address")),
        (AYU, True, ("Household.familyCardNumber",)),
        (SITI, True, ("Citizen.household", "Household.familyCardNumber", "Query.me")),
    ]


@pytest.mark.parametrize("way", WAYS)
async def test_each_class_of_what_was_read_is_told_once(way: str) -> None:
    book = Book()
    query = "{ me { name civilStatus { religion bloodType } msmes { name monthlyRevenue } } }"
    await answered(way, query, book, caller="the person")
    ((_, (read,)),) = book.kept
    assert read.classes == ("PERSONAL", "SPECIFIC:FINANCE", "SPECIFIC:HEALTH")


@pytest.mark.parametrize("way", WAYS)
async def test_nothing_an_official_reads_is_their_own(way: str) -> None:
    book = Book()
    await answered(way, "query ($nik: NIK!) { citizen(nik: $nik) { name } }", book, nik=SITI)
    ((_, reads),) = book.kept
    assert [read.own for read in reads] == [False]


async def test_a_hub_that_records_nothing_does_not_work_out_what_was_read() -> None:
    query = GraphQLRequest(query="{ me { name } }")
    for plans in (True, False):
        by = Engine(engine().schema, engine().rules, plans=plans)
        response = await by.run(query, lambda: asking("the person"), request_id="r-1")
        assert (response.data is not None, response.reads) == (True, ())


def test_whoever_is_a_guardian_of_a_child_also_reads_it_of_themself() -> None:
    """So that what a citizen reads in records that are not about themself was read as a guardian, and nothing else."""
    for type_ in engine().schema.type_map.values():
        for field in getattr(type_, "fields", {}).values():
            definition = field.extensions.get("strawberry-definition")
            if isinstance(definition, PublishedField) and definition.guard is not None:
                rule = definition.guard.access.rule
                assert Rule.GUARDIAN not in rule or Rule.SELF in rule


@pytest.mark.parametrize("way", WAYS)
async def test_who_asked_what_is_told_with_it(way: str) -> None:
    book = Book()
    query = "query Mine { me { name } }"
    await answered(way, query, book, caller="the person")
    ((asked, _),) = book.kept
    assert (asked.who, asked.request_id, asked.operation) == (CALLERS["the person"], "r-1", "Mine")
    assert asked.document == document_hash(query)


@pytest.mark.parametrize("way", WAYS)
async def test_what_cannot_be_recorded_is_not_given(way: str) -> None:
    book = Book(closed=True)
    response = await answered(way, "{ me { name } regions(first: 1) { name } }", book, caller="the person")
    assert response == GraphQLResponse(
        outcome=Outcome.ANSWERED,
        errors=[{"message": "The book is closed.", "extensions": {"code": "LEDGER_UNAVAILABLE"}}],
    )


@pytest.mark.parametrize("way", WAYS)
async def test_public_data_is_given_although_nothing_can_be_recorded(way: str) -> None:
    response = await answered(way, "{ regions(first: 1) { name } }", Book(closed=True))
    assert (response.errors, response.reads) == ([], ())


async def test_each_who_shares_a_run_is_recorded() -> None:
    book = Book()
    by = Engine(engine().schema, engine().rules, coalescing=True, recorder=book)
    asked = 0

    async def run(number: int) -> GraphQLResponse:
        def opened() -> Asking:
            nonlocal asked
            asked += 1
            return Asking(caller=who, call=CALL, agencies=slow.agencies(), node_ids=IDS)

        who: Caller = CALLERS["the person"]
        return await by.run(
            GraphQLRequest(query="{ me { name } }"), opened, request_id=f"r-{number}", who=who, until=CALL.deadline
        )

    slow = Waiting()
    waiting = [asyncio.create_task(run(number)) for number in range(5)]
    await slow.begun.wait()
    slow.may.set()
    await asyncio.gather(*waiting)
    assert asked == 1
    assert sorted(each.request_id for each, _ in book.kept) == ["r-0", "r-1", "r-2", "r-3", "r-4"]
    assert {tuple(reads) for _, reads in book.kept} == {
        (Read(SITI, ("Citizen.name", "Query.me"), ("dukcapil",), ("PERSONAL",), own=True),)
    }


def asking(caller: str) -> Asking:
    return Asking(caller=CALLERS[caller], call=CALL, agencies=SmallCity().agencies(), node_ids=IDS)


class Waiting(SmallCity):
    """Answers when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()
        self.may = asyncio.Event()

    async def facets(self, *given: Any) -> Any:  # noqa: ANN401 - as the city
        self.begun.set()
        await self.may.wait()
        return await super().facets(*given)

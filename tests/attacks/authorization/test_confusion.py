"""Equal concurrent requests share work, but callers never share answers or ledger entries."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.caller import Assurance, Caller, CallerKind
from auth.crypto.pseudonyms import Pseudonyms
from records.hub.ledger_entries import LedgerEntry
from records.identifiers import Nik
from store.database import create_database_engine
from store.ledger.ledger_rows import to_ledger_entry
from store.tables import access_entries
from tests.fakes.clients import build_client
from tests.journeys.hub import HubClient, RunningCity

SITI, BUDI, NADIA, DEWI = (
    Nik("3171014506909001"),
    Nik("3171021708889002"),
    Nik("3171014904159001"),
    Nik("3174055203559003"),
)
PEOPLE = Pseudonyms(b"j" * 32)
EACH = 4
"""The number of concurrent requests of each caller."""


@dataclass(frozen=True)
class ExpectedCaller:
    """A caller, and their expected answer."""

    caller: str | Caller | None
    expected_data: Any
    codes: Sequence[str] = ()
    entries: Mapping[str, Any] = field(default_factory=dict)
    """The expected content of each of their ledger entries."""
    headers: Mapping[str, str] = field(default_factory=dict)


@pytest.fixture
async def ledger(state_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_database_engine(state_url)
    yield engine
    await engine.dispose()


@pytest.fixture(autouse=True)
def slow_agencies(city: RunningCity) -> Iterator[None]:
    """A delay, so that all requests run at the same time."""
    slow = [city.agencies["dukcapil"], city.agencies["pbb"]]
    for agency in slow:
        agency.set_latency(150, 150)
    yield
    for agency in slow:
        agency.set_latency(0, 0)


async def load_entries(ledger: AsyncEngine, request_id: str) -> list[LedgerEntry]:
    wanted = select(access_entries).where(access_entries.c.request_id == request_id)
    async with ledger.connect() as connection:
        return [to_ledger_entry(dict(row)) for row in (await connection.execute(wanted)).mappings()]


async def ask_concurrently(hub: HubClient, ledger: AsyncEngine, query: str, askers: Sequence[ExpectedCaller]) -> None:
    """All callers send the same request several times concurrently. Each gets their own data and ledger entries."""
    await hub.ask(query)  # a repeated document runs by its compiled plan
    asked = [(asker, f"confusion-{uuid4().hex}") for _ in range(EACH) for asker in askers]
    bodies = await asyncio.gather(
        *(
            hub.post({"query": query}, caller=asker.caller, headers={"X-Request-Id": id_, **asker.headers})
            for asker, id_ in asked
        )
    )
    for (asker, id_), answer in zip(asked, bodies, strict=True):
        assert answer.data == asker.expected_data, asker
        assert sorted(code for _, code in answer.errors) == sorted(asker.codes)
        entries = await load_entries(ledger, id_)
        assert bool(entries) == bool(asker.entries)
        for entry in entries:
            assert {name: getattr(entry, name) for name in asker.entries} == asker.entries


async def test_residents_get_their_own_data_and_are_recorded_as_themselves(
    wired: HubClient, ledger: AsyncEngine
) -> None:
    def of(name: str, nik: Nik, full_name: str) -> ExpectedCaller:
        pseudonym = PEOPLE.pseudonymize_person(nik)
        own = {"subject": pseudonym, "caller": pseudonym, "caller_kind": "citizen", "legal_basis": "own-right"}
        return ExpectedCaller(name, {"me": {"nik": nik, "name": full_name}}, entries=own)

    await ask_concurrently(
        wired,
        ledger,
        "query Me { me { nik name } }",
        [
            of("siti", SITI, "Siti Rahmawati"),
            of("budi", BUDI, "Budi Santoso"),
            of("dewi", DEWI, "Dewi Lestari"),
            ExpectedCaller(None, None, ["FORBIDDEN"]),
        ],
    )


def official(agency: str, purpose: str | None, case: str | None, **more: Any) -> Caller:  # noqa: ANN401 - fields of a caller
    return Caller(kind=CallerKind.OFFICIAL, agency=agency, purpose=purpose, case=case, **more)


async def test_officials_are_answered_by_their_own_purpose_and_recorded_with_their_own_case(
    wired: HubClient, ledger: AsyncEngine
) -> None:
    whole = {"citizen": {"name": "Dewi Lestari", "civilStatus": {"religion": "Katholik"}}}
    without_status = {"citizen": {"name": "Dewi Lestari", "civilStatus": {"religion": None}}}

    def entry(caller: Caller) -> Mapping[str, Any]:
        return {
            "subject": PEOPLE.pseudonymize_person(DEWI),
            "agency": caller.agency,
            "purpose": caller.purpose,
            "case": caller.case,
        }

    registrar = official("dukcapil", "CIVIL_REGISTRATION", "REG/1")
    same_purpose = official("dukcapil", "CIVIL_REGISTRATION", "REG/2")
    requested = official("dukcapil", "SUBJECT_REQUEST", "REG/1")
    assessor = official("pbb", "TAX_ASSESSMENT", "PBB/1")
    await ask_concurrently(
        wired,
        ledger,
        f'query Look {{ citizen(nik: "{DEWI}") {{ name civilStatus {{ religion }} }} }}',
        [
            ExpectedCaller(registrar, whole, entries=entry(registrar)),
            ExpectedCaller(same_purpose, whole, entries=entry(same_purpose)),
            ExpectedCaller(requested, {"citizen": None}, ["FORBIDDEN"]),  # the case is not an open data request of hers
            ExpectedCaller(assessor, without_status, ["FORBIDDEN"], entry(assessor)),
            ExpectedCaller(official("dukcapil", None, "REG/1"), None, ["FORBIDDEN"]),
            ExpectedCaller(official("dukcapil", "CIVIL_REGISTRATION", None), None, ["FORBIDDEN"]),
            ExpectedCaller(
                "dewi",
                whole,
                entries={"subject": PEOPLE.pseudonymize_person(DEWI), "legal_basis": "own-right", "case": None},
            ),
        ],
    )


async def test_the_purpose_and_case_in_headers_count_only_for_their_request(
    wired: HubClient, ledger: AsyncEngine
) -> None:
    """One token, several concurrent requests, each with its own purpose and case."""
    unstated = official("dukcapil", None, None)
    shared_answer = {"citizen": {"name": "Dewi Lestari"}}

    def stating(purpose: str, case: str) -> ExpectedCaller:
        entry = {"subject": PEOPLE.pseudonymize_person(DEWI), "purpose": purpose, "case": case}
        return ExpectedCaller(unstated, shared_answer, entries=entry, headers={"X-Purpose": purpose, "X-Case": case})

    await ask_concurrently(
        wired,
        ledger,
        f'query Stated {{ citizen(nik: "{DEWI}") {{ name }} }}',
        [
            stating("CIVIL_REGISTRATION", "REG/7"),
            stating("CIVIL_REGISTRATION", "REG/8"),
            ExpectedCaller(
                unstated,
                {"citizen": None},
                ["FORBIDDEN"],
                headers={"X-Purpose": "SUBJECT_REQUEST", "X-Case": "REG/7"},
            ),
            ExpectedCaller(unstated, None, ["FORBIDDEN"], headers={"X-Purpose": "TAX_ASSESSMENT", "X-Case": "REG/7"}),
            ExpectedCaller(unstated, None, ["FORBIDDEN"]),
        ],
    )


async def test_a_client_of_two_people_gives_neither_the_others_data(wired: HubClient, ledger: AsyncEngine) -> None:
    def by(nik: Nik, name: str) -> ExpectedCaller:
        caller = Caller(
            kind=CallerKind.CITIZEN,
            first_party=True,
            nik=nik,
            client=build_client("app"),
            assurance=Assurance.SUBSTANTIAL,
        )
        pseudonym = PEOPLE.pseudonymize_person(nik)
        return ExpectedCaller(
            caller,
            {"me": {"name": name}},
            entries={"subject": pseudonym, "caller": pseudonym, "client": "development/app"},
        )

    await ask_concurrently(
        wired, ledger, "query Through { me { name } }", [by(SITI, "Siti Rahmawati"), by(DEWI, "Dewi Lestari")]
    )


async def test_only_its_parents_read_about_a_child(wired: HubClient, ledger: AsyncEngine) -> None:
    nadia = {"citizen": {"name": "Nadia Putri Santoso"}}

    def parent(name: str, nik: Nik) -> ExpectedCaller:
        return ExpectedCaller(name, nadia, entries={"caller": PEOPLE.pseudonymize_person(nik)})

    nobody = {"citizen": None}
    await ask_concurrently(
        wired,
        ledger,
        f'query Child {{ citizen(nik: "{NADIA}") {{ name }} }}',
        [
            parent("siti", SITI),
            parent("budi", BUDI),
            ExpectedCaller("dewi", nobody, ["FORBIDDEN"]),
            ExpectedCaller("agus", nobody, ["FORBIDDEN"]),
            ExpectedCaller(None, None, ["FORBIDDEN"]),
        ],
    )


async def test_one_person_with_two_sign_ins_is_answered_by_the_assurance_of_each(
    wired: HubClient, ledger: AsyncEngine
) -> None:
    def sure(assurance: Assurance) -> Caller:
        return Caller(kind=CallerKind.CITIZEN, first_party=True, nik=DEWI, assurance=assurance)

    own = {"subject": PEOPLE.pseudonymize_person(DEWI)}
    objects = {"me": {"name": "Dewi Lestari", "taxObjects": [{"taxpayerName": "Dewi Lestari"}]}}
    none = {"me": {"name": "Dewi Lestari", "taxObjects": [{"taxpayerName": None}]}}
    await ask_concurrently(
        wired,
        ledger,
        "query Taxed { me { name taxObjects { taxpayerName } } }",
        [
            ExpectedCaller(sure(Assurance.HIGH), objects, entries=own),
            ExpectedCaller(sure(Assurance.SUBSTANTIAL), objects, entries=own),
            ExpectedCaller(sure(Assurance.LOW), none, ["FORBIDDEN"], own),
        ],
    )


async def test_every_request_has_its_own_entry_though_one_run_answered_all(
    wired: HubClient, ledger: AsyncEngine, city: RunningCity
) -> None:
    query = {"query": "query Shared { me { name } }"}
    await wired.post(query, caller="siti")
    city.agencies["dukcapil"].set_latency(1_000, 1_000)  # so that all come while the run waits
    city.reset_calls()
    ids = [f"confusion-{uuid4().hex}" for _ in range(20)]
    try:
        await asyncio.gather(*(wired.post(query, caller="siti", headers={"X-Request-Id": id_}) for id_ in ids))
    finally:
        city.agencies["dukcapil"].set_latency(0, 0)
    assert city.calls() == {"dukcapil": 1}
    assert [len(await load_entries(ledger, id_)) for id_ in ids] == [1] * 20


async def test_public_answers_with_and_without_a_token_are_separate(wired: HubClient) -> None:
    query = {"query": 'query Public { region(code: "31.71") { name } }'}
    for caller, kept in ((None, "public, max-age=60"), ("siti", "private, max-age=60"), (None, "public, max-age=60")):
        answer, headers = await wired.query_by_get(query, caller=caller)
        assert answer.errors == []
        assert (headers["cache-control"], headers["vary"]) == (kept, "Accept, Authorization")


async def test_a_caller_with_a_short_deadline_does_not_shorten_that_of_others(
    wired: HubClient, city: RunningCity
) -> None:
    """All callers share public answers, so a caller with a short deadline must not make them fail for all."""
    query = {"query": 'query Hurry { markets(search: "senen", first: 1) { prices(search: "beras") { price } } }'}
    whole = (await wired.post(query)).data
    assert whole["markets"][0]["prices"]
    pangan = city.agencies["pangan"]
    pangan.set_latency(400, 400)
    try:
        answers = await asyncio.gather(
            *(wired.post(query, headers={} if number % 2 else {"X-Request-Timeout": "0.1"}) for number in range(10))
        )
    finally:
        pangan.set_latency(0, 0)
    for hurried, patient in zip(answers[::2], answers[1::2], strict=True):
        assert patient.body == {"data": whole}
        assert {code for _, code in hurried.errors} <= {"AGENCY_TIMEOUT", "DEADLINE_EXCEEDED"}
        assert hurried.errors


async def test_a_cacheable_answer_depends_on_the_address_only(wired: HubClient) -> None:
    """A cache stores an answer by its address, so no other part of the request may change the answer."""
    asked = {"query": '{ region(code: "31.71") { name } }'}
    plain, _ = await wired.query_by_get(asked)
    other = json.dumps({"query": '{ region(code: "31.74") { name } }'}).encode()
    for headers, body in (
        ({"Content-Type": "application/json"}, other),
        ({"X-Original-URL": "/graphql?query={__typename}", "X-Forwarded-Host": "evil.example"}, b""),
        ({"X-Purpose": "SUBJECT_REQUEST", "X-Case": "C/1", "X-Request-Timeout": "5"}, b""),
        ({"Cookie": "a=b", "X-HTTP-Method-Override": "POST", "Accept-Language": "id"}, b""),
    ):
        async with wired._session.get(f"{wired.url}/graphql", params=asked, headers=headers, data=body) as response:
            assert response.headers["Cache-Control"] == "public, max-age=60"
            assert await response.json() == plain.body

"""Guessing reveals nothing: existing numbers, ids and documents are refused like missing ones."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import pytest

from auth.caller import Assurance, Caller, CallerKind
from auth.crypto.node_ids import NodeIds
from records.identifiers import Nik
from tests.fakes.clients import build_client
from tests.journeys.hub import HubClient, RunningCity

SITI, DEWI = "3171014506909001", "3174055203559003"
UNKNOWN = ("3174055203550099", "3174051503550077", "9999011212900001")
"""Valid numbers that belong to no person."""
IDS = NodeIds(b"j" * 32)
GUESSERS: Mapping[str, str | Caller | None] = {
    "anonymous": None,
    "a citizen": "siti",
    "a citizen, unsure": Caller(kind=CallerKind.CITIZEN, first_party=True, nik=Nik(SITI), assurance=Assurance.LOW),
    "an official without a purpose": Caller(kind=CallerKind.OFFICIAL, agency="dukcapil"),
    "an official of parks": Caller(kind=CallerKind.OFFICIAL, agency="parks", purpose="SUBJECT_REQUEST", case="C/1"),
    "an operator": Caller(kind=CallerKind.OPERATOR),
}
EVERYTHING = (
    "nik name residence { address } taxObjects { nop } msmes { name } complaints { number } household { __typename }"
)
OWN_CARD = {"dukcapil": 1}
"""A citizen may be a parent of the person, so the hub loads the citizen's own family card for any number."""
QUESTIONS: Mapping[str, str] = {
    "a number": 'query {{ citizen(nik: "{0}") {{ ' + EVERYTHING.replace("{", "{{").replace("}", "}}") + " }} }}",
    "numbers": 'query {{ citizens(niks: ["{0}"]) {{ name }} }}',
    "a number, and only that it is there": 'query {{ citizen(nik: "{0}") {{ __typename }} }}',
}


async def ask_as_guesser(hub: HubClient, query: str, caller: str | Caller | None) -> tuple[Any, ...]:
    """Everything that the attacker can see, except the time and the request's id."""
    url = f"{hub.url}/graphql"
    async with hub._session.post(url, json={"query": query}, headers=hub.headers(caller)) as response:
        headers = {
            name: value for name, value in response.headers.items() if name.lower() not in {"date", "x-request-id"}
        }
        return response.status, headers, await response.read()


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("name", GUESSERS)
async def test_an_existing_number_is_refused_like_a_missing_one(
    wired: HubClient, city: RunningCity, name: str, question: str
) -> None:
    answers, calls = [], []
    for number in (DEWI, *UNKNOWN):
        city.reset_calls()
        answers.append(await ask_as_guesser(wired, QUESTIONS[question].format(number), GUESSERS[name]))
        calls.append(city.calls())
    assert all(answer == answers[0] for answer in answers)
    assert b"FORBIDDEN" in answers[0][2]
    assert all(each == calls[0] for each in calls)
    assert calls[0] == {} or (name == "a citizen" and calls[0] == OWN_CARD)


@pytest.mark.parametrize("name", GUESSERS)
async def test_a_hundred_numbers_in_one_request_get_one_refusal(wired: HubClient, city: RunningCity, name: str) -> None:
    city.reset_calls()
    numbers = [f"317405{day:02}0355{serial:04}" for day in range(41, 66) for serial in (1, 2, 3)] + [DEWI]
    aliases = " ".join(f'a{index}: citizen(nik: "{number}") {{ __typename }}' for index, number in enumerate(numbers))
    answer = await wired.post({"query": f"{{ {aliases} }}"}, caller=GUESSERS[name])
    assert {code for _, code in answer.errors} <= {"FORBIDDEN", "MORE_ERRORS"}
    assert set((answer.data or {"a0": None}).values()) == {None}
    reasons = {str(each["extensions"]) + each["message"] for each in answer.body["errors"] if "path" in each}
    assert len(reasons) <= 1
    assert city.calls() == {} or (name == "a citizen" and city.calls() == OWN_CARD)


@pytest.mark.parametrize("type_name", ["Citizen", "TaxObject", "Msme"])
@pytest.mark.parametrize("name", GUESSERS)
async def test_a_stolen_node_id_is_refused_whether_or_not_its_object_exists(
    wired: HubClient, city: RunningCity, name: str, type_name: str
) -> None:
    city.reset_calls()
    keys = {"Citizen": "{0}", "TaxObject": "{0}:317301000100100010", "Msme": "{0}:1"}[type_name]
    ids = [IDS.seal(type_name, keys.format(number)) for number in (DEWI, *UNKNOWN)]
    answers = [
        await ask_as_guesser(wired, f'{{ node(id: "{node}") {{ __typename }} }}', GUESSERS[name]) for node in ids
    ]
    assert all(answer == answers[0] for answer in answers)
    assert b"FORBIDDEN" in answers[0][2]
    assert city.calls() == {} or (name == "a citizen" and city.calls() == {"dukcapil": len(ids)})


async def test_forged_node_ids_open_nothing(wired: HubClient, city: RunningCity) -> None:
    city.reset_calls()
    sealed = IDS.seal("Citizen", DEWI)
    flipped = [
        sealed[:index] + ("A" if sealed[index] != "A" else "B") + sealed[index + 1 :] for index in range(len(sealed))
    ]
    for caller in (None, "siti", "rina"):
        answer = await wired.ask(
            "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": flipped[:100]}, caller=caller
        )
        assert set(answer.data["nodes"]) == {None}
        assert {code for _, code in answer.errors} <= {"BAD_USER_INPUT", "MORE_ERRORS"}
    another_hubs = NodeIds(b"k" * 32).seal("Citizen", SITI)
    answer = await wired.ask(f'{{ node(id: "{another_hubs}") {{ id }} }}', caller="siti")
    assert (answer.data, answer.errors) == ({"node": None}, [("node", "BAD_USER_INPUT")])
    assert city.calls() == {}


@pytest.mark.parametrize("caller", [None, "siti", Caller(kind=CallerKind.PARTNER, client=build_client("bank"))])
async def test_guessed_document_ids_all_get_the_same_answer(
    wired: HubClient, city: RunningCity, caller: str | Caller | None
) -> None:
    city.reset_calls()
    answers = set()
    for number in range(200):
        guess = hashlib.sha256(str(number).encode()).hexdigest()
        for id_ in (guess, f"sha256:{guess}", str(number), guess[:32]):
            answer = await wired.post({"documentId": id_}, caller=caller)
            answers.add(str(answer.body))
    assert len(answers) == 1
    assert "PERSISTED_QUERY_NOT_FOUND" in answers.pop()
    assert city.calls() == {}


@pytest.mark.parametrize("caller", [None, "siti"])
async def test_several_requests_in_one_body_are_refused_for_every_caller(
    wired: HubClient, city: RunningCity, caller: str | None
) -> None:
    city.reset_calls()
    guesses = [{"query": f'{{ citizen(nik: "{number}") {{ name }} }}'} for number in (DEWI, *UNKNOWN, SITI)]
    answer = await wired.post(guesses, caller=caller)
    assert (answer.status, answer.data, answer.errors) == (400, None, [("", "BAD_REQUEST")])
    assert city.calls() == {}


async def test_a_citizen_learns_of_no_other_by_a_family_card(wired: HubClient) -> None:
    """The card itself names its members. It reveals no more about a member as a citizen."""
    query = "{ me { household { members { nik citizen { name msmes { name } complaints { number } } } } } }"
    answer = await wired.ask(query, caller="siti")
    others = [each for each in answer.data["me"]["household"]["members"] if each["nik"] == "3171021708889002"]
    assert others == [{"nik": "3171021708889002", "citizen": {"name": None, "msmes": None, "complaints": None}}]

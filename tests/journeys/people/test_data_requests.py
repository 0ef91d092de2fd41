"""A person restricts what is done with their data, and the tax office obeys with its next request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import text

from auth.caller import Caller, CallerKind
from cli.sandbox.sample_callers import build_sample_callers
from sandbox.population.samples import SAMPLES
from store.database import create_database_engine
from tests.journeys.hub import HubClient, RunningCity

SITI = SAMPLES["siti"].nik
REGISTRAR = replace(build_sample_callers()["rina"].caller, purpose="SUBJECT_REQUEST", case="SUBJEK/2026/0001")
TAX_OFFICE = Caller(kind=CallerKind.OFFICIAL, agency="pbb", purpose="TAX_ASSESSMENT", case="PBB/2026/7")
HER_LAND = {"query": f'{{ citizen(nik: "{SITI}") {{ taxObjects {{ nop }} }} }}'}


@pytest.fixture(autouse=True)
async def forgotten(state_url: str) -> AsyncIterator[None]:
    """What a test asked about somebody's data is gone after it."""
    yield
    engine = create_database_engine(state_url)
    async with engine.begin() as connection:
        for table in ("restrictions", "data_request_events", "data_requests"):
            await connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - our own names
    await engine.dispose()


@pytest.mark.parametrize("purposes", ["purposes: [TAX_ASSESSMENT], ", ""], ids=["for this purpose", "for all"])
async def test_a_restriction_applies_and_ends_immediately(hub: HubClient, city: RunningCity, purposes: str) -> None:
    assert (await hub.post(HER_LAND, caller=TAX_OFFICE)).data["citizen"]["taxObjects"]
    wish = f'mutation {{ restrictProcessing({purposes}key: "wish") {{ number kind state hoursLeft }} }}'
    restricted = (await hub.ask(wish, caller="siti")).data["restrictProcessing"]
    assert restricted["state"] == "IN_PROGRESS"
    assert 71.9 <= restricted["hoursLeft"] <= 72

    city.reset_calls()
    refused = await hub.post(HER_LAND, caller=TAX_OFFICE)
    assert refused.data == {"citizen": None}
    assert [each["extensions"]["reason"] for each in refused.body["errors"]] == ["RESTRICTED"]
    assert city.calls() == {}

    own = await hub.ask("{ me { restrictions { number purposes } taxObjects { nop } } }", caller="siti")
    assert own.data["me"]["restrictions"] == [
        {"number": restricted["number"], "purposes": ["TAX_ASSESSMENT"] if purposes else []}
    ]
    assert own.data["me"]["taxObjects"]

    end = f'mutation {{ endRestriction(number: "{restricted["number"]}") {{ state }} }}'
    assert (await hub.ask(end, caller="siti")).data == {"endRestriction": {"state": "WITHDRAWN"}}
    assert (await hub.post(HER_LAND, caller=TAX_OFFICE)).data["citizen"]["taxObjects"]


async def test_nobody_ends_what_somebody_else_restricted(hub: HubClient) -> None:
    wish = 'mutation { restrictProcessing(key: "wish") { number } }'
    number = (await hub.ask(wish, caller="siti")).data["restrictProcessing"]["number"]
    answer = await hub.ask(f'mutation {{ endRestriction(number: "{number}") {{ state }} }}', caller="budi")
    assert answer.errors == [("endRestriction", "BAD_USER_INPUT")]
    assert (await hub.post(HER_LAND, caller=TAX_OFFICE)).data == {"citizen": None}


async def test_a_correction_is_a_case_at_the_agency_that_holds_the_data(hub: HubClient, city: RunningCity) -> None:
    city.reset_calls()
    made = await hub.ask(
        """mutation Correct($says: String!) {
          requestCorrection(field: "Residence.address", says: $says, wanted: "RT 2", key: "k-1") { number agency state }
        }""",
        {"says": "RT saya salah"},
        caller="siti",
    )
    request = made.data["requestCorrection"]
    assert (request["agency"], request["state"]) == ("dukcapil", "RECEIVED")
    assert city.calls() == {}
    listed = await hub.ask("{ me { dataRequests { nodes { number says events { by state } } } } }", caller="siti")
    assert listed.data["me"]["dataRequests"]["nodes"] == [
        {"number": request["number"], "says": "RT saya salah", "events": [{"by": "You", "state": "RECEIVED"}]}
    ]
    assert (await hub.ask("{ me { dataRequests { nodes { number } } } }", caller="budi")).data == {
        "me": {"dataRequests": {"nodes": []}}
    }


async def test_an_official_of_that_agency_answers_it_and_the_person_reads_who_looked_and_what_was_said(
    hub: HubClient, city: RunningCity
) -> None:
    made = await hub.ask(
        """mutation { correct: requestCorrection(field: "Residence.address", says: "salah", wanted: "RT 2", key: "a")
          { number }  erase: requestErasure(says: "hapus", agency: "jakpreneur", key: "b") { number } }""",
        caller="siti",
    )
    number, elsewhere = made.data["correct"]["number"], made.data["erase"]["number"]
    city.reset_calls()
    waiting = await hub.ask("{ dataRequests { nodes { number subject says wanted hoursLeft } } }", caller=REGISTRAR)
    (found,) = waiting.data["dataRequests"]["nodes"]
    assert 71.9 <= found.pop("hoursLeft") <= 72
    assert found == {"number": number, "subject": SITI, "says": "salah", "wanted": "RT 2"}
    assert city.calls() == {}

    answer = """mutation Answer($number: String!, $text: String) {
      answerDataRequest(number: $number, state: REFUSED, refusal: DATA_IS_RIGHT, text: $text) { state } }"""
    foreign = await hub.ask(answer, {"number": elsewhere}, caller=REGISTRAR)
    assert foreign.errors == [("answerDataRequest", "BAD_USER_INPUT")]
    given = await hub.ask(answer, {"number": number, "text": "Sudah benar"}, caller=REGISTRAR)
    assert given.data == {"answerDataRequest": {"state": "REFUSED"}}

    own = await hub.ask(
        """{ me { dataRequests { nodes { number state events { by state refusal text } } }
          accessLog(first: 10) { nodes { reader fields } } } }""",
        caller="siti",
    )
    erase, correct = own.data["me"]["dataRequests"]["nodes"]
    assert (erase["number"], erase["state"], correct["number"]) == (elsewhere, "RECEIVED", number)
    official = "An official of the population register (Dukcapil), Seksi Pelayanan Pendaftaran Penduduk"
    assert correct["events"][1] == {
        "by": official,
        "state": "REFUSED",
        "refusal": "DATA_IS_RIGHT",
        "text": "Sudah benar",
    }
    looked = [each["fields"] for each in own.data["me"]["accessLog"]["nodes"] if each["reader"] == official]
    assert [field for field in looked[1] if field != "DataRequest.wanted"] == [
        "DataRequest.hoursLeft",
        "DataRequest.number",
        "DataRequest.says",
        "DataRequest.subject",
    ]
    assert (await hub.ask("{ dataRequests { nodes { number } } }", caller=REGISTRAR)).data == {
        "dataRequests": {"nodes": []}
    }
    refused = await hub.ask("{ dataRequests(filter: {states: [REFUSED]}) { nodes { number } } }", caller=REGISTRAR)
    assert refused.data == {"dataRequests": {"nodes": [{"number": number}]}}


async def test_a_change_is_not_made_by_get(hub: HubClient) -> None:
    answer, _ = await hub.query_by_get(
        {"query": 'mutation { restrictProcessing(key: "wish") { number } }'}, caller="siti"
    )
    assert answer.status == 405
    assert (await hub.ask("{ me { restrictions { number } } }", caller="siti")).data == {"me": {"restrictions": []}}

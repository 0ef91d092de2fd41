"""Businesses over the licensing office and the small business programme, as a citizen and as the business itself."""

from __future__ import annotations

from auth.caller import Caller, CallerKind
from sandbox.population.samples import SAMPLES
from tests.journeys.hub import HubClient, RunningCity

SHOP = Caller(kind=CallerKind.BUSINESS, nib="9120001234567")


async def test_a_citizen_reads_licences_and_the_small_business_with_one_call_of_each_agency(
    hub: HubClient, city: RunningCity
) -> None:
    city.reset_calls()
    asked = await hub.ask(
        "{ me { businesses { nib form licences { name status } msmes { name nib } } } }", caller="siti"
    )
    kitchen, company = asked.data["me"]["businesses"]
    assert kitchen == {
        "nib": "9120001234567",
        "form": "INDIVIDUAL",
        "licences": [
            {"name": "Sertifikat Halal", "status": "ISSUED"},
            {"name": "Sertifikat Standar", "status": "IN_PROGRESS"},
        ],
        "msmes": [{"name": "Dapur Siti 🍰", "nib": "9120001234567"}],
    }
    assert (company["nib"], company["form"], company["msmes"]) == ("9120007654321", "LIMITED_COMPANY", [])
    expected = {"oss": 1} | ({"jakpreneur": 1} if city.counts_msmes else {})
    assert {name: count for name, count in city.calls().items() if name != "dukcapil"} == expected


async def test_a_business_reads_itself_and_everybody_verifies_its_number(hub: HubClient) -> None:
    own = await hub.ask("{ business { name activities { risk } msmes { stage } } }", caller=SHOP)
    assert own.data == {
        "business": {
            "name": "DAPUR SITI",
            "activities": [{"risk": "LOW"}, {"risk": "MEDIUM_HIGH"}],
            "msmes": [{"stage": "P5_MARKETING"}],
        }
    }
    query = '{ verifyNib(nibs: ["9120009999999", "9120001234567"]) { name status } }'
    assert (await hub.ask(query, caller=None)).data == {
        "verifyNib": [None, {"name": "DAPUR SITI", "status": "MAY_OPERATE"}]
    }


async def test_the_sample_official_of_the_licensing_office_reads_a_citizens_licences(hub: HubClient) -> None:
    query = f'{{ citizen(nik: "{SAMPLES["siti"].nik}") {{ businesses {{ nib licences {{ name }} }} }} }}'
    answer = await hub.ask(query, caller="nadia")
    assert answer.errors == []
    kitchen, _ = answer.data["citizen"]["businesses"]
    assert kitchen == {
        "nib": "9120001234567",
        "licences": [{"name": "Sertifikat Halal"}, {"name": "Sertifikat Standar"}],
    }


async def test_an_official_whose_purpose_opens_nothing_of_a_list_does_not_learn_its_length(
    hub: HubClient, city: RunningCity
) -> None:
    city.reset_calls()
    query = f'{{ citizen(nik: "{SAMPLES["siti"].nik}") {{ name taxObjects {{ nop }} }} }}'
    answer = await hub.ask(query, caller="nadia")
    assert answer.errors == [("citizen.taxObjects", "FORBIDDEN")]
    assert answer.data == {"citizen": {"name": "Siti Rahmawati", "taxObjects": None}}
    assert city.calls().keys() == {"dukcapil"}

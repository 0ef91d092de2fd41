"""The directory of partners: what contracts list, by channel and text, in the caller's language."""

from __future__ import annotations

import tomllib
from datetime import date
from typing import Any

import pytest

from cli.operations.contract_file import read_contract
from cli.operations.contract_listing import parse_listing
from records.partners import PartnerChannel
from store.database import create_database_engine
from store.operations.operation_registry import OperationRegistry
from tests.journeys.hub import HubClient
from tests.sandbox_agencies import ROOT

PARTNERS = """query Partners($search: String = "", $channel: PartnerChannel) {
  partners(search: $search, channel: $channel) {
    name channel description url scopes purposes offers { title description url until }
  }
}"""
CONTRACTS = ROOT / "sandbox" / "contracts"


@pytest.fixture(scope="module", autouse=True)
async def listed(state_url: str, hub: HubClient) -> None:
    del hub  # which makes the tables
    engine = create_database_engine(state_url)
    for client in ("kredit-nusantara", "pantau-kota"):
        contract = read_contract(CONTRACTS / client / "contract.toml")
        await OperationRegistry(engine).publish(contract, [], by="test")
    await engine.dispose()


async def test_everybody_reads_the_directory_by_name(hub: HubClient) -> None:
    answer = await hub.ask(PARTNERS)
    assert answer.errors == []
    kredit, pantau = answer.data["partners"]
    assert kredit == {
        "name": "Kredit Nusantara",
        "channel": "B2C",
        "description": "Pinjaman usaha kecil, diputuskan dalam sehari.",
        "url": "http://127.0.0.1:9010",
        "scopes": ["IDENTITY", "MSMES", "TAX"],
        "purposes": ["CREDIT_ASSESSMENT", "IDENTITY_VERIFICATION"],
        "offers": [
            {
                "title": "Modal kerja untuk anggota JakPreneur",
                "description": "Hingga 10 juta rupiah, bila Anda membagikan tahap dan omzet.",
                "url": "http://127.0.0.1:9010/modal",
                "until": None,
            }
        ],
    }
    assert (pantau["name"], pantau["channel"], pantau["scopes"], pantau["purposes"]) == ("Pantau Kota", "B2G", [], [])
    assert pantau["offers"][0]["until"] == "2027-12-31"


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({"channel": "B2G"}, ["Pantau Kota"]),
        ({"search": "JAKPRENEUR"}, ["Kredit Nusantara"]),
        ({"search": "complaints"}, ["Pantau Kota"]),
        ({"search": "jakpreneur", "channel": "B2G"}, []),
    ],
)
async def test_it_is_searched_by_text_and_channel(hub: HubClient, variables: dict[str, str], names: list[str]) -> None:
    answer = await hub.ask(PARTNERS, variables)
    assert [each["name"] for each in answer.data["partners"]] == names


async def test_an_english_reader_gets_english_texts(hub: HubClient) -> None:
    body = {"query": PARTNERS, "variables": {"channel": "B2C"}}
    [found] = (await hub.post(body, headers={"Accept-Language": "en"})).data["partners"]
    assert found["description"] == "Loans for small businesses, with a decision within a day."


LISTING = tomllib.loads((CONTRACTS / "pantau-kota" / "contract.toml").read_text(encoding="utf-8"))["listing"]


def test_a_listing_is_parsed_completely() -> None:
    found = parse_listing(LISTING)
    assert (found.channel, found.url) == (PartnerChannel.B2G, "http://127.0.0.1:9011")
    assert (found.offers[0].id, found.offers[0].until) == ("laporan-bulanan", date(2027, 12, 31))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"channel": "G2G"}, "'listing.channel': Input should be 'B2C' or 'B2G'"),
        ({"url": "javascript:alert(1)"}, "'listing.url': Value error, the address "),
        ({"about": {"en": "x"}}, "'listing.about.id': Field required"),
        ({"price": 1}, "'listing.price': Extra inputs are not permitted"),
        ({"offers": LISTING["offers"] * 2}, "'listing.offers' has two offers with one id"),
    ],
)
def test_an_invalid_listing_is_refused_with_its_place(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match="listing") as refused:
        parse_listing({**LISTING, **change})
    assert str(refused.value).startswith(problem)

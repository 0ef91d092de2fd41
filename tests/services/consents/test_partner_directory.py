"""The directory of partners: which contracts it lists, and what it says without its database."""

from __future__ import annotations

from datetime import date

import pytest

from records.hub.operations import ClientContract, ConsentTerms
from records.partners import ListedText, PartnerChannel, PartnerListing, PartnerOffer, PartnerQuery
from records.purposes import Purpose, Scope
from resolvers.hub.partners import PartnersUnavailable
from services.consents.partner_directory import ContractDirectory, build_partner
from store.database import create_database_engine
from store.operations.operation_registry import OperationRegistry
from tests.fakes.clients import build_client
from tests.fakes.small_records import CALL

TEXT = ListedText(english="Loans", indonesian="Pinjaman")
OFFER = PartnerOffer(
    id="a", title=ListedText(english="Capital", indonesian="Modal"), about=TEXT, url="https://bank.example/a",
    until=date(2026, 11, 30),
)  # fmt: skip
LISTING = PartnerListing(channel=PartnerChannel.B2C, about=TEXT, url="https://bank.example", offers=(OFFER,))
TERMS = ConsentTerms(purposes=(Purpose.PAYMENT,), days=1, redirect_uris=("https://bank.example/back",))
SCOPES = {"tax": ("TaxBill.*",), "regions:read": ("Region.*",)}


def test_only_a_contract_with_a_listing_and_a_name_is_shown() -> None:
    bank = build_client("bank")
    assert build_partner(ClientContract(client=bank, name="Bank")) is None
    assert build_partner(ClientContract(client=bank, listing=LISTING)) is None


def test_data_is_named_that_people_can_be_asked_for() -> None:
    contract = ClientContract(client=build_client("bank"), name="Bank", scopes=SCOPES, listing=LISTING)
    without, found = (
        build_partner(contract),
        build_partner(
            ClientContract(client=contract.client, name="Bank", scopes=SCOPES, listing=LISTING, consent=TERMS)
        ),
    )
    assert without is not None
    assert found is not None
    assert (without.scopes, without.purposes) == ((), ())
    assert (found.scopes, found.purposes) == ((Scope.TAX,), (Purpose.PAYMENT,))


def test_an_offer_is_found_until_its_last_day() -> None:
    found = build_partner(ClientContract(client=build_client("bank"), name="Bank", listing=LISTING))
    assert found is not None
    query = PartnerQuery(search="modal")
    assert found.matches(query, date(2026, 11, 30))
    assert not found.matches(query, date(2026, 12, 1))
    assert found.matches(PartnerQuery(search="BANK"), date(2026, 12, 1))


async def test_without_the_database_it_says_so() -> None:
    engine = create_database_engine("postgresql://simpul@127.0.0.1:9/none?sslmode=disable")
    with pytest.raises(PartnersUnavailable):
        await ContractDirectory(OperationRegistry(engine)).partners([PartnerQuery()], CALL)
    await engine.dispose()

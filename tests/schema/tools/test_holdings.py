"""Which agency holds which personal data, derived from the graph."""

from __future__ import annotations

from auth.policy.rules import Classification
from schema.tools.holdings import Holding, get_holders, list_holdings
from settings.city.folder import DEFAULT_CITY, load_city
from tests.schema.requests import build_engine


def test_a_field_is_held_by_the_agency_its_object_comes_from() -> None:
    found = list_holdings(build_engine().schema)
    assert Holding("Residence.address", "dukcapil", Classification.PERSONAL) in found
    assert Holding("HouseholdMember.birthDate", "dukcapil", Classification.CHILD) in found
    assert Holding("TaxPayment.amount", "pbb", Classification.FINANCE) in found
    assert Holding("Citizen.taxObjects", "pbb", Classification.PERSONAL) in found
    assert Holding("Msme.monthlyRevenue", "jakpreneur", Classification.FINANCE) in found
    assert Holding("ComplaintEvent.note", "crm", Classification.PERSONAL) in found
    assert found == sorted(found, key=lambda each: (each.field, each.agency))


def test_public_data_and_the_hubs_own_data_have_no_holder() -> None:
    held = get_holders(build_engine().schema)
    assert not {"Market.name", "Citizen.id", "Region.name", "Citizen.accessLog", "DataRequest.says"} & held.keys()
    assert set(held.values()) == set(load_city(DEFAULT_CITY).contracts)
    assert held["Citizen.name"] == "dukcapil"

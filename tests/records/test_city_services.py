"""The catalogue of services: which ones match, page by page, and whether each works now."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest

from records.city_services import (
    CityServiceQuery,
    ServiceAccess,
    ServiceAudience,
    ServiceCatalogue,
    ServiceChannel,
    ServiceState,
    ServiceTopic,
)
from records.working_time import WorkingTime
from tests.records.city_service_samples import service

MONDAY_NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
SUNDAY = datetime(2026, 11, 29, 12, tzinfo=UTC)
HOURS = WorkingTime([((time(8), time(16)),)] * 5 + [()] * 2, lambda _year: (), UTC)


THREE = (
    service("bills"),
    service("gates", name="Water levels", audience=ServiceAudience.PARTNERS),
    service("buses", name="Bus stops"),
)


def list_codes(**query: object) -> list[str]:
    found = ServiceCatalogue(THREE).list(CityServiceQuery(**{"first": 10, **query}))  # type: ignore[arg-type]  # any filter
    return [each.code for each in found.services]


def test_pages_follow_the_order_of_the_catalogue_without_gap_or_double() -> None:
    catalogue = ServiceCatalogue(THREE)
    first = catalogue.list(CityServiceQuery(first=2))
    second = catalogue.list(CityServiceQuery(first=2, after="gates"))
    assert [each.code for each in first.services] == ["bills", "gates"]
    assert [each.code for each in second.services] == ["buses"]
    assert (first.has_more, second.has_more, first.total, second.total) == (True, False, 3, 3)
    assert catalogue.list(CityServiceQuery(first=2, after="unknown")).services == ()


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ({"search": "WATER"}, ["gates"]),
        ({"search": "tagihan due"}, ["bills", "gates", "buses"]),
        ({"search": "water bus"}, []),
        ({"audiences": frozenset({ServiceAudience.PARTNERS})}, ["gates"]),
        ({"topics": frozenset({ServiceTopic.HEALTH})}, []),
        ({"channels": frozenset({ServiceChannel.G2C, ServiceChannel.G2G})}, ["bills", "gates", "buses"]),
        ({"access": frozenset({ServiceAccess.IN_GRAPH})}, []),
    ],
)
def test_all_conditions_must_match(query: dict[str, object], codes: list[str]) -> None:
    assert list_codes(**query) == codes


def test_a_service_outside_its_hours_is_closed_and_says_when_it_opens() -> None:
    catalogue = ServiceCatalogue(THREE, {"bills": HOURS}, get_agency_state=lambda _: ServiceState.AVAILABLE)
    bills, _, buses = THREE
    assert catalogue.get_state(bills, SUNDAY) is ServiceState.CLOSED
    assert catalogue.find_opening(bills, SUNDAY) == datetime(2026, 11, 30, 8, tzinfo=UTC)
    assert catalogue.get_state(bills, MONDAY_NOON) is ServiceState.AVAILABLE
    assert catalogue.find_opening(bills, MONDAY_NOON) is None
    assert catalogue.get_state(buses, SUNDAY) is ServiceState.AVAILABLE


def test_a_service_has_the_state_of_its_agency_and_others_are_unwatched() -> None:
    catalogue = ServiceCatalogue(
        (service("bills"), service("news", agency=None)), get_agency_state=lambda _: ServiceState.UNAVAILABLE
    )
    bills, news = (catalogue.get(code) for code in ("bills", "news"))
    assert bills is not None
    assert news is not None
    assert catalogue.get_state(bills, SUNDAY) is ServiceState.UNAVAILABLE
    assert catalogue.get_state(news, SUNDAY) is ServiceState.UNWATCHED


def test_a_handover_names_the_issuer_and_the_target_and_carries_no_token() -> None:
    shown = service("tax", sign_in_url="https://pajak.example/login")
    catalogue = ServiceCatalogue([shown], issuer="https://masuk.jakarta.example")
    assert catalogue.build_handover(shown) == (
        "https://pajak.example/login?iss=https%3A%2F%2Fmasuk.jakarta.example"
        "&target_link_uri=https%3A%2F%2Fpajak.example%2F%3Fa%3D1%26b%3D2"
    )
    assert ServiceCatalogue([shown]).build_handover(shown) is None
    assert catalogue.build_handover(service("bills")) is None

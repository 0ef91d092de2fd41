"""The data of the sandbox city moves to the city's day: complaints and prices by days, tax bills by whole years."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import pytest

from sandbox.clock import DATA_DAY, WIB, count_years_moved, parse_today
from sandbox.crm.complaints import CrmComplaint, build_complaint_data
from sandbox.pangan.prices import build_prices
from sandbox.pangan.responses import build_newest
from sandbox.pbb.tax_roll import PbbBill, build_tax_roll
from sandbox.population.city_population import SAMPLES, build_population

SITI = SAMPLES["siti"].nik
CHRISTMAS_EVE = date(2026, 12, 24)
LEAP_DAY = date(2028, 2, 29)


def find_complaints(complaints: Sequence[CrmComplaint]) -> list[tuple[int, str, datetime]]:
    """Siti's complaints: id, number and time of the report."""
    return [(one.id, one.number, one.requested_at) for one in complaints if one.reporter_nik == SITI]


def find_bills(today: date) -> list[PbbBill]:
    """Siti's last bills: of her home, and of her shop of the year before."""
    home, shop = build_tax_roll(build_population(), today).by_nik[SITI]
    return [home.bills[-1], shop.bills[-2]]


@pytest.mark.parametrize(
    ("today", "years"),
    [
        (date(2025, 12, 31), -1),
        (DATA_DAY, 0),
        (date(2027, 10, 31), 0),
        (date(2027, 11, 1), 1),
        (LEAP_DAY, 1),
    ],
)
def test_a_year_has_passed_on_its_first_of_november(today: date, years: int) -> None:
    assert count_years_moved(today) == years


@pytest.mark.parametrize("text", ["", "soon", "2026-02-29", "1999-12-31", "2100-01-01"])
def test_a_text_that_is_not_a_day_of_this_century_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"^'{text}' is not a day from 2000 to 2099, such as 2026-11-01$"):
        parse_today(text)


def test_the_times_of_complaints_and_the_days_in_their_numbers_move_by_days() -> None:
    people = build_population()
    unmoved, moved = build_complaint_data(people), build_complaint_data(people, CHRISTMAS_EVE)

    assert moved.now == datetime(2026, 12, 24, tzinfo=WIB)
    assert find_complaints(unmoved.complaints) == [
        (10000884, "JK2610310001", datetime(2026, 10, 31, tzinfo=WIB)),
        (10000855, "JK2610200001", datetime(2026, 10, 20, tzinfo=WIB)),
        (10000777, "JK2609220001", datetime(2026, 9, 22, tzinfo=WIB)),
    ]
    assert find_complaints(moved.complaints) == [
        (10000884, "JK2612230001", datetime(2026, 12, 23, tzinfo=WIB)),
        (10000855, "JK2612120001", datetime(2026, 12, 12, tzinfo=WIB)),
        (10000777, "JK2611140001", datetime(2026, 11, 14, tzinfo=WIB)),
    ]
    assert moved.pending[0].requested_at == datetime(2026, 12, 23, 23, 57, tzinfo=WIB)
    shift = timedelta(days=53)
    for before, after in zip(unmoved.complaints, moved.complaints, strict=True):
        assert (after.id, after.description, after.state) == (before.id, before.description, before.state)
        assert [step.at for step in after.steps] == [step.at + shift for step in before.steps]


@pytest.mark.parametrize("today", [CHRISTMAS_EVE, LEAP_DAY])
def test_prices_keep_their_order_and_end_on_the_day_of_the_city(today: date) -> None:
    unmoved, moved = build_prices(), build_prices(today)
    shift = today - DATA_DAY

    assert build_newest(unmoved, 3)["data"]["selected_price_date"] == "2026-11-01"  # type: ignore[index]  # JSON
    assert build_newest(moved, 3)["data"]["selected_price_date"] == today.isoformat()  # type: ignore[index]  # JSON
    assert unmoved.prices_of(3, 1)[0] == (date(2026, 1, 1), 13500)
    assert unmoved.prices_of(3, 1)[-1] == (date(2026, 10, 31), 14500)
    assert moved.prices_of(3, 1) == [(day + shift, price) for day, price in unmoved.prices_of(3, 1)]
    assert unmoved.prices_of(20, 1)[-1] == (date(2026, 6, 30), 15000)
    assert moved.prices_of(20, 1)[-1] == (date(2026, 6, 30) + shift, 15000)
    assert moved.prices_on(today, 1) == unmoved.prices_on(DATA_DAY, 1)


@pytest.mark.parametrize(
    ("today", "home", "shop"),
    [
        (DATA_DAY, (2026, date(2026, 7, 1), date(2026, 12, 31)), (2025, date(2025, 1, 12), date(2025, 9, 30))),
        (CHRISTMAS_EVE, (2026, date(2026, 8, 23), date(2027, 2, 22)), (2025, date(2025, 1, 12), date(2025, 9, 30))),
        (LEAP_DAY, (2027, date(2027, 10, 29), date(2028, 4, 29)), (2026, date(2026, 1, 12), date(2026, 9, 30))),
    ],
)
def test_siti_has_one_bill_due_in_60_days_and_one_overdue_bill_on_every_day(
    today: date, home: tuple[int, date, date], shop: tuple[int, date, date]
) -> None:
    bills = find_bills(today)

    assert [(bill.year, bill.issued_on, bill.due_on) for bill in bills] == [home, shop]
    assert [(bill.paid, bill.payable) for bill in bills] == [(False, 1958160), (False, 1120980)]
    assert bills[0].due_on - today == timedelta(days=60)


@pytest.mark.parametrize("today", [DATA_DAY, CHRISTMAS_EVE, LEAP_DAY])
def test_no_payment_and_no_bill_is_newer_than_the_day_of_the_city(today: date) -> None:
    bills = [bill for each in build_tax_roll(build_population(), today).by_nop.values() for bill in each.bills]

    assert max(payment.paid_on for bill in bills for payment in bill.payments if payment.paid_on) <= today
    assert max(bill.issued_on for bill in bills if bill.issued_on) <= today

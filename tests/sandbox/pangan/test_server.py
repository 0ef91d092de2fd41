"""The food price service speaks REST with an API key as `docs/agencies/pangan.md` says."""

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.pangan.rate_limiter import AgencyRateLimiter
from tests.sandbox.agency_requests import ask_food_prices, temporary_setting
from tests.sandbox_agencies import RunningAgency

NEWEST, REPORT, MARKETS = "v2/public/master-data/commodity/markets", "v1/public/report", "v1/master-data/market"
NONE = 999999


@pytest.fixture
def quiet(pangan: RunningAgency) -> Iterator[RunningAgency]:
    """The agency with its counters at 0."""
    pangan.reset_calls()
    yield pangan
    pangan.set_mode("normal")


def newest(pangan: RunningAgency, market: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = ask_food_prices(pangan, f"{NEWEST}/{market}").json["data"]["data"]
    return rows


def report(pangan: RunningAgency, kind: str, number: int, month: str = "2026-10") -> list[dict[str, Any]]:
    answer = ask_food_prices(pangan, f"{REPORT}?filterBy={kind}&Id={number}&yearMonth={month}")
    rows: list[dict[str, Any]] = answer.json["data"]["data"]
    return rows


def test_every_value_of_the_market_list_is_a_string(quiet: RunningAgency) -> None:
    answer = ask_food_prices(quiet, f"{MARKETS}?search_text=").json

    assert answer["total"] == len(answer["data"]) == 50
    assert {type(value) for row in answer["data"] for value in row.values()} == {str}
    assert {row["city_id"] for row in answer["data"]} == {"1", "2", "3", "4", "5"}
    assert {row["market_level"] for row in answer["data"]} == {"eceran", "grosir"}
    assert {"", "-"} < {row["market_phone"] for row in answer["data"]}
    assert all(row["kelurahan_code"].startswith("31.7") for row in answer["data"])


def test_a_search_matches_part_of_the_name_and_has_no_total(quiet: RunningAgency) -> None:
    answer = ask_food_prices(quiet, f"{MARKETS}?search_text=SENEN").json

    assert [row["market_name"] for row in answer["data"]] == ["Pasar Senen Blok III - VI"]
    assert "total" not in answer


def test_one_call_returns_the_newest_price_of_every_commodity_of_a_market(quiet: RunningAgency) -> None:
    rows = newest(quiet, 3)

    assert len(rows) == 47
    assert rows[0] == {
        "commodity_id": 1,
        "name": "Beras IR. I (IR 64)",
        "unit": "kg",
        "newest_price": 14500,
        "prev_price": 14500,
        "highest_price": 15000,
        "lowest_price": 14500,
        "avg_price": 14740,
        "percentage_price_increase_warning": 18.85,
        "latest_new_price_date": "2026-10-31",
        "gap_min_price": NONE,
        "gap_max_price": NONE,
        "status": "stagnant",
    }
    assert quiet.count_calls() == {"GET /api2/v2/public/master-data/commodity/markets/{market_id}": 1}


def test_a_commodity_that_a_market_does_not_sell_has_the_sentinel_price(quiet: RunningAgency) -> None:
    absent = [row for row in newest(quiet, 3) if row["newest_price"] == NONE]

    assert absent
    assert {(row["prev_price"], row["avg_price"], row["latest_new_price_date"]) for row in absent} == {(NONE, NONE, "")}


def test_a_market_without_a_recent_price_answers_zero(quiet: RunningAgency) -> None:
    rows = newest(quiet, 20)

    assert {row["newest_price"] for row in rows} == {0, NONE}
    assert {row["latest_new_price_date"][:7] for row in rows} == {"", "2026-06"}


def test_market_0_is_the_whole_city_with_its_spread(quiet: RunningAgency) -> None:
    for row in newest(quiet, 0):
        assert row["lowest_price"] <= row["newest_price"] <= row["highest_price"]
        assert row["gap_min_price"] == row["newest_price"] - row["lowest_price"]
        assert row["gap_max_price"] == row["highest_price"] - row["newest_price"]


def test_a_status_follows_from_the_last_two_prices(quiet: RunningAgency) -> None:
    known = [row for row in newest(quiet, 3) if row["newest_price"] not in (0, NONE)]

    for row in known:
        change = row["newest_price"] - row["prev_price"]
        assert row["status"] == ("stagnant" if change == 0 else "rise" if change > 0 else "fall")
    assert len({row["status"] for row in known}) == 3


def test_a_monthly_report_of_a_market_lacks_days(quiet: RunningAgency) -> None:
    rows = report(quiet, "market", 3)

    days = [recap["time"] for recap in rows[0]["recaps"]]
    assert days == sorted(set(days))
    assert 20 < len(days) < 31
    assert {day[:7] for day in days} == {"2026-10"}
    values = [recap["value"] for recap in rows[0]["recaps"]]
    assert (rows[0]["min_value"], rows[0]["max_value"]) == (min(values), max(values))
    assert rows[0]["avg_value"] == sum(values) // len(values)


def test_the_newest_price_is_the_last_one_of_the_report(quiet: RunningAgency) -> None:
    price = newest(quiet, 3)[0]

    last = report(quiet, "market", 3)[0]["recaps"][-1]
    assert last == {"value": price["newest_price"], "time": price["latest_new_price_date"]}


def test_a_report_by_commodity_has_one_row_and_by_city_one_per_commodity(quiet: RunningAgency) -> None:
    assert [row["commodity_name"] for row in report(quiet, "commodity", 10)] == ["Cabe Merah Keriting"]
    assert len(report(quiet, "city", 2)) == 47


@pytest.mark.parametrize(("kind", "number"), [("market", 3), ("city", 1), ("commodity", 7)])
@pytest.mark.parametrize("month", ["2025-12", "2026-12"])
def test_a_month_without_prices_is_an_empty_list(quiet: RunningAgency, kind: str, number: int, month: str) -> None:
    assert report(quiet, kind, number, month) == []


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        (f"{NEWEST}/51", 404, "market not found"),
        (f"{NEWEST}/x", 404, "market not found"),
        (f"{REPORT}?filterBy=market&Id=51&yearMonth=2026-10", 404, "market not found"),
        (f"{REPORT}?filterBy=city&Id=71&yearMonth=2026-10", 404, "city not found"),
        (f"{REPORT}?filterBy=shop&Id=1&yearMonth=2026-10", 400, "filterBy must be market, commodity or city"),
        (f"{REPORT}?filterBy=market&Id=1&yearMonth=2026-13", 400, "yearMonth must look like 2026-10"),
        ("v3/nothing", 404, "not found"),
    ],
)
def test_an_error_carries_its_status_and_a_message(quiet: RunningAgency, path: str, status: int, message: str) -> None:
    answer = ask_food_prices(quiet, path)

    assert (answer.status, answer.json) == (status, {"status": status, "message": message})


@pytest.mark.parametrize("key", ["", "salah"])
def test_an_invalid_key_is_refused(quiet: RunningAgency, key: str) -> None:
    answer = ask_food_prices(quiet, MARKETS, key=key)

    assert answer.status == 401
    assert answer.json == {"status": 401, "message": "app-client-id is missing or not valid"}
    assert quiet.count_calls() == {"refused": 1}


def test_in_mode_refuse_the_right_key_is_wrong(quiet: RunningAgency) -> None:
    with quiet.in_mode("refuse"):
        assert ask_food_prices(quiet, MARKETS).status == 401


def test_in_mode_error_it_answers_500(quiet: RunningAgency) -> None:
    with quiet.in_mode("error"):
        assert (ask_food_prices(quiet, MARKETS).status, ask_food_prices(quiet, MARKETS).json["status"]) == (500, 500)


def test_in_mode_rubbish_it_answers_a_web_page(quiet: RunningAgency) -> None:
    with quiet.in_mode("rubbish"):
        answer = ask_food_prices(quiet, MARKETS)

    assert (answer.status, answer.body[:6]) == (200, b"<html>")


def test_with_latency_off_nothing_limits_the_rate(quiet: RunningAgency) -> None:
    assert {ask_food_prices(quiet, f"{MARKETS}?search_text=senen").status for _ in range(20)} == {200}


def test_a_rate_set_over_the_control_api_allows_five_calls_and_names_the_retry_time(quiet: RunningAgency) -> None:
    with temporary_setting(quiet, "/rate", {"per_second": 0.5}, back={"per_second": 0}):
        answers = [ask_food_prices(quiet, f"{MARKETS}?search_text=senen") for _ in range(6)]

    assert [answer.status for answer in answers] == [200] * 5 + [429]
    assert answers[-1].headers["retry-after"] == "2"
    assert answers[-1].json == {"status": 429, "message": "too many requests"}
    assert quiet.count_calls() == {"GET /api2/v1/master-data/market": 5, "throttled": 1}


def test_a_key_earns_one_call_per_second() -> None:
    now = 0.0
    rate = AgencyRateLimiter(1, 2, clock=lambda: now)

    assert [rate.acquire("a") for _ in range(3)] == [0, 0, 1]
    assert rate.acquire("b") == 0
    now = 1.0
    assert [rate.acquire("a") for _ in range(2)] == [0, 1]
    now = 100.0
    assert [rate.acquire("a") for _ in range(3)] == [0, 0, 1]

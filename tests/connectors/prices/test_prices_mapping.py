from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest

from records.calls.failures import AgencyMalformed
from records.prices import Commodity, Market, MarketLevel, Price, PriceMovement, Trend, TrendPoint, TrendQuery
from records.regions import Coordinates
from tests.connectors.prices.pangan_replies import read_commodities, read_markets, read_prices, read_trend

RECORDED = Path(__file__).parents[1] / "recorded"
CHILLI = TrendQuery(commodity_id="10", year=2026, month=10)


def recorded(name: str) -> Any:  # noqa: ANN401 - JSON
    return orjson.loads((RECORDED / name).read_bytes())


class TestRecordedMarkets:
    async def test_a_market_with_only_texts_is_read_completely(self) -> None:
        found = {each.id: each for each in await read_markets(recorded("pangan_markets.json"))}

        assert found["3"] == Market(
            id="3",
            name="Pasar Senen Blok III - VI",
            short_name="Senen Blok III - VI",
            city_name="Jakarta Pusat",
            address="Jl. Senen Raya No. 44",
            coordinates=Coordinates(latitude=-6.218418, longitude=106.82026),
            phone="+62217181738",
            level=MarketLevel.RETAIL,
            region_code=found["1"].region_code,
        )
        assert {each.phone for id_, each in found.items() if id_ in {"1", "2"}} == {None}
        assert found["9"].level is MarketLevel.WHOLESALE

    async def test_cities_are_identified_by_name(self) -> None:
        raw = recorded("pangan_markets.json")["data"]

        found = await read_markets({"data": raw})

        assert {(each.city_name, each.region_code) for each in found} == {
            ("Jakarta Pusat", "31.71"),
            ("Jakarta Utara", "31.72"),
            ("Jakarta Barat", "31.73"),
            ("Jakarta Selatan", "31.74"),
            ("Jakarta Timur", "31.75"),
        }
        # The agency's kelurahan, where it tells them, agree.
        assert [each.region_code for each in found] == [each["kelurahan_code"][:5] for each in raw]

    @pytest.mark.parametrize("name", ["pangan_markets.json", "pangan_markets_search.json"])
    async def test_a_list_with_and_without_a_total_is_read(self, name: str) -> None:
        raw = recorded(name)
        assert len(await read_markets(raw)) == len(raw["data"]) > 0


class TestMarket:
    @pytest.mark.parametrize(
        ("city", "expected"),
        [
            ("Kota Administrasi Jakarta Barat", "31.73"),
            ("JAKARTA TIMUR", "31.75"),
            ("Tangerang Selatan", None),
            ("Kepulauan Seribu", None),
            ("Pusat", None),
            ("", None),
            ("-", None),
        ],
    )
    async def test_an_unknown_city_has_no_code(self, city: str, expected: str | None) -> None:
        assert (await read_one_market(city_name=city, city_id="3")).region_code == expected

    @pytest.mark.parametrize(
        ("field", "raw", "name", "expected"),
        [
            ("market_phone", "hubungi pengelola", "phone", None),
            ("market_level", "GROSIR", "level", MarketLevel.WHOLESALE),
            ("market_level", "induk", "level", None),
            ("market_latitude", "0", "coordinates", None),
            ("market_longitude", "", "coordinates", None),
            ("market_address", "-", "address", None),
            ("market_id", 3, "id", "3"),
        ],
    )
    async def test_absent_and_odd_rows_are_omitted(self, field: str, raw: object, name: str, expected: object) -> None:
        assert getattr(await read_one_market(**{field: raw}), name) == expected

    async def test_a_market_without_an_id_is_left_out(self) -> None:
        assert await read_markets({"data": [{"market_id": "", "market_name": "Pasar"}]}) == ()

    @pytest.mark.parametrize("reply", [None, [], {}, {"data": {}}, {"data": ["Pasar"]}, {"data": [{"market_id": "1"}]}])
    async def test_an_invalid_list_of_markets_is_unreadable(self, reply: object) -> None:
        with pytest.raises(AgencyMalformed):
            await read_markets(reply)


class TestRecordedPrices:
    async def test_prices_are_read_as_rupiah_and_the_date_as_a_date(self) -> None:
        found = await read_prices(recorded("pangan_newest_market_3.json"), "3")

        assert found[1] == Price(
            market_id="3",
            commodity=Commodity(id="2", name="Beras IR. II (IR 64) Ramos", unit="kg"),
            price=rupiah(14_000),
            previous_price=rupiah(14_500),
            highest_price=rupiah(15_000),
            lowest_price=rupiah(14_000),
            average_price=rupiah(14_375),
            movement=PriceMovement.FALLING,
            observed_on=date(2026, 11, 1),
        )
        assert {each.movement for each in found} == {*PriceMovement, None}
        assert len(found) == 47

    async def test_a_closed_market_has_no_newest_price_and_no_movement(self) -> None:
        found = (await read_prices(recorded("pangan_newest_closed_market_20.json"), "20"))[0]

        assert (found.price, found.highest_price, found.lowest_price, found.average_price) == (None,) * 4
        assert (found.previous_price, found.movement, found.observed_on) == (15_000, None, date(2026, 6, 30))

    @pytest.mark.parametrize("name", ["pangan_newest_market_3.json", "pangan_newest_closed_market_20.json"])
    async def test_no_sentinel_is_a_price(self, name: str) -> None:
        raw = recorded(name)
        assert b"999999" in orjson.dumps([each["newest_price"] for each in raw["data"]["data"]])

        amounts = {
            amount
            for each in await read_prices(raw, "3")
            for amount in (each.price, each.previous_price, each.highest_price, each.lowest_price, each.average_price)
        }

        assert not amounts & {0, 999_999}

    async def test_every_commodity_is_listed_once(self) -> None:
        found = await read_commodities(recorded("pangan_newest_all.json"))
        assert [each.id for each in found] == [str(number) for number in range(1, 48)]
        assert found[0] == Commodity(id="1", name="Beras IR. I (IR 64)", unit="kg")


class TestPrice:
    @pytest.mark.parametrize(
        ("raw", "expected"),
        [(14_000, 14_000), ("14000", 14_000), (999_999, None), ("999999", None), (0, None), ("", None)],
    )
    async def test_sentinels_are_none(self, raw: object, expected: int | None) -> None:
        assert (await read_one_price(newest_price=raw)).price == expected

    @pytest.mark.parametrize(
        ("raw", "expected"),
        [
            ("rise", PriceMovement.RISING),
            ("FALL", PriceMovement.FALLING),
            ("stagnant", PriceMovement.STAGNANT),
            ("naik", None),
            (None, None),
        ],
    )
    async def test_movements(self, raw: object, expected: PriceMovement | None) -> None:
        assert (await read_one_price(status=raw)).movement is expected

    @pytest.mark.parametrize(
        "reply",
        [None, {}, {"data": []}, {"data": {"data": {}}}, {"data": {"data": [{"commodity_id": 1, "name": [1]}]}}],
    )
    async def test_an_invalid_price_list_is_unreadable(self, reply: object) -> None:
        with pytest.raises(AgencyMalformed):
            await read_prices(reply, "3")


class TestTrendOfAMonth:
    async def test_a_recorded_month_is_its_daily_means(self) -> None:
        raw = recorded("pangan_report_commodity_10.json")

        found = await read_trend(raw, CHILLI)

        entry = raw["data"]["data"][0]
        assert (found.commodity_id, found.year, found.month) == ("10", 2026, 10)
        assert (found.average_price, found.highest_price, found.lowest_price) == (52_787, 53_210, 52_358)
        assert found.points[0] == TrendPoint(day=date(2026, 10, 1), price=rupiah(52_702))
        assert [each.price for each in found.points] == [each["value"] for each in entry["recaps"]]

    async def test_several_entries_are_averaged_by_day_and_then_over_the_days(self) -> None:
        found = await read_trend(
            report(
                [("2026-10-02", 20_000), ("2026-10-01", 10_000)],
                [("2026-10-01", 13_001), ("2026-10-03", 999_999), ("2026-10-04", 0), ("2026-11-01", 5)],
            ),
            CHILLI,
        )

        assert found.points == (
            TrendPoint(day=date(2026, 10, 1), price=rupiah(11_501)),
            TrendPoint(day=date(2026, 10, 2), price=rupiah(20_000)),
        )
        assert (found.average_price, found.highest_price, found.lowest_price) == (15_750, 20_000, 10_000)

    @pytest.mark.parametrize(
        "raw", [{"data": {"data": []}}, {"data": {"data": [{"commodity_id": 10, "recaps": None}]}}]
    )
    async def test_an_empty_month_has_no_points_and_no_prices(self, raw: object) -> None:
        assert await read_trend(raw, CHILLI) == Trend(
            commodity_id="10", year=2026, month=10, average_price=None, highest_price=None, lowest_price=None, points=()
        )


def rupiah(amount: int) -> Any:  # noqa: ANN401 - an amount, however it is typed
    return amount


async def read_one_market(**fields: object) -> Market:
    """Reads a minimal market with changes."""
    least = {"market_id": "3", "market_name": "Pasar Senen", "market_latitude": "-6.2", "market_longitude": "106.8"}
    return (await read_markets({"data": [{**least, **fields}]}))[0]


async def read_one_price(**fields: object) -> Price:
    """Reads a minimal price with changes."""
    least = {"commodity_id": 1, "name": "Beras", "newest_price": 14_000}
    return (await read_prices({"data": {"data": [{**least, **fields}]}}, "3"))[0]


def report(*entries: list[tuple[str, int]]) -> object:
    """A report on one commodity with several entries of days and values."""
    return {
        "data": {
            "data": [
                {"commodity_id": 10, "recaps": [{"time": day, "value": value} for day, value in entry]}
                for entry in entries
            ]
        }
    }

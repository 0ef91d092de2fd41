"""Daily food prices of the 305 days up to the city's day: a deterministic random walk for each market and commodity."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from itertools import accumulate

from sandbox.clock import DATA_DAY
from sandbox.pangan.markets import COMMODITIES, MARKETS, PanganCommodity, PanganMarket
from sandbox.population.seeded_random import seeded_random

DAYS = 305
"""Days with prices: from 1 January to 1 November 2026 where the data is not moved."""

NOT_SOLD_SHARE, MARKET_SILENT_SHARE, ROW_MISSING_SHARE = 0.12, 0.07, 0.03
SILENT_MARKET, SILENT_DAYS = 20, 124
"""The market that closed for rebuilding, and for how many of the last days it has no price."""

_STEPS = (-18, -9, -4, 0, 0, 0, 0, 4, 10, 18)
"""Possible changes of a price overnight, in thousandths of the usual price."""

RandomWalk = Sequence[int]
"""Price in Rupiah for each day, oldest first; 0 on days without a record."""

DatedPrice = tuple[date, int]


@dataclass(frozen=True, slots=True)
class PriceData:
    """Every price of every market, by market and commodity number; the newest are of `today`."""

    today: date
    walks: Mapping[tuple[int, int], RandomWalk]
    _means: dict[tuple[tuple[int, ...], int], list[DatedPrice]] = field(default_factory=dict)
    """Cached results of `mean_prices_of`: the same few lists are requested often, and each takes 40 ms."""

    def prices_of(self, market: int, commodity: int) -> list[DatedPrice]:
        """Days and prices of one commodity in one market, oldest first; empty if the market does not sell it."""
        walk = self.walks[market, commodity]
        return [(self._find_day(place), price) for place, price in enumerate(walk) if price]

    def mean_prices_of(self, markets: Iterable[int], commodity: int) -> list[DatedPrice]:
        """Days and mean prices (whole Rupiah) of one commodity over several markets, oldest first."""
        key = tuple(markets), commodity
        if key not in self._means:
            columns = zip(*(self.walks[market, commodity] for market in key[0]), strict=True)
            means = ((place, [price for price in column if price]) for place, column in enumerate(columns))
            self._means[key] = [(self._find_day(place), sum(seen) // len(seen)) for place, seen in means if seen]
        return self._means[key]

    def prices_on(self, day: date, commodity: int) -> list[int]:
        """The prices of one commodity on a day, in every market that recorded one."""
        place = DAYS - 1 - (self.today - day).days
        return [price for market in MARKETS if (price := self.walks[market, commodity][place])]

    def _find_day(self, place: int) -> date:
        return self.today - timedelta(days=DAYS - 1 - place)


class _Walks(dict[tuple[int, int], RandomWalk]):
    """Each is generated at its first use: all 2,350 take 0.2 s, which would delay every start."""

    def __missing__(self, place: tuple[int, int]) -> RandomWalk:
        market, commodity = MARKETS[place[0]], COMMODITIES[place[1]]
        self[place] = _draw_walk(market, commodity, _draw_silent_days(market))
        return self[place]


def build_prices(today: date = DATA_DAY) -> PriceData:
    """All prices of a city whose day is `today`."""
    return PriceData(today, _Walks())


@cache
def _draw_silent_days(market: PanganMarket) -> frozenset[int]:
    def silent() -> Iterator[int]:
        draws = seeded_random("pangan", "silent", market.id)
        for place in range(DAYS):
            closed = market.id == SILENT_MARKET and place >= DAYS - SILENT_DAYS
            if draws.random() < MARKET_SILENT_SHARE or closed:
                yield place

    return frozenset(silent())


def _draw_walk(market: PanganMarket, commodity: PanganCommodity, silent: frozenset[int]) -> RandomWalk:
    draws = seeded_random("pangan", market.id, commodity.id)
    if draws.random() < NOT_SOLD_SHARE:
        return array("l", [0] * DAYS)
    level = draws.randint(930, 1080) - (120 if market.wholesale else 0)
    # Pulled back to its level by a fiftieth per day, so that prices stay in range during the year.
    drift = accumulate(draws.choices(_STEPS, k=DAYS), lambda before, step: before + step - before // 50)
    unit = 50 if commodity.usual_price < 5_000 else 500  # noqa: PLR2004 - eggs are sold by the piece
    missing = {place for place in range(DAYS) if draws.random() < ROW_MISSING_SHARE} | silent
    return array(
        "l",
        (
            0 if place in missing else commodity.usual_price * (level + moved) // 1000 // unit * unit
            for place, moved in enumerate(drift)
        ),
    )

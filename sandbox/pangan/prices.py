"""Daily food prices of 2026 up to the city's day, a repeatable random walk for every market and commodity."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from itertools import accumulate

from sandbox.clock import CITY_NOW
from sandbox.pangan.markets import COMMODITIES, MARKETS, PanganCommodity, PanganMarket
from sandbox.population.seeded_random import seeded_random

FIRST_DAY = date(2026, 1, 1)
LAST_DAY = CITY_NOW.date()
DAYS = (LAST_DAY - FIRST_DAY).days + 1
NOT_SOLD_SHARE, MARKET_SILENT_SHARE, ROW_MISSING_SHARE = 0.12, 0.07, 0.03
SILENT_MARKET, SILENT_FROM = 20, date(2026, 7, 1)
"""The market that closed for rebuilding: no prices from that day on."""

_STEPS = (-18, -9, -4, 0, 0, 0, 0, 4, 10, 18)
"""What a price may do overnight, in thousandths of the usual price."""

RandomWalk = Sequence[int]
"""Price in Rupiah for each day from `FIRST_DAY`; 0 where nobody wrote it down."""

DatedPrice = tuple[date, int]


@dataclass(frozen=True, slots=True)
class PriceData:
    """Every price of every market, by market and commodity number."""

    walks: Mapping[tuple[int, int], RandomWalk]
    _means: dict[tuple[tuple[int, ...], int], list[DatedPrice]] = field(default_factory=dict)
    """What `mean_prices_of` found before: the same few lists are asked for again and again, and take 40 ms each."""

    def prices_of(self, market: int, commodity: int) -> list[DatedPrice]:
        """Days and prices of one commodity in one market, oldest first; empty when it is not sold there."""
        walk = self.walks[market, commodity]
        return [(FIRST_DAY + timedelta(days=place), price) for place, price in enumerate(walk) if price]

    def mean_prices_of(self, markets: Iterable[int], commodity: int) -> list[DatedPrice]:
        """Days and mean prices (whole Rupiah) of one commodity over some markets, oldest first."""
        key = tuple(markets), commodity
        if key not in self._means:
            columns = zip(*(self.walks[market, commodity] for market in key[0]), strict=True)
            means = ((place, [price for price in column if price]) for place, column in enumerate(columns))
            self._means[key] = [
                (FIRST_DAY + timedelta(days=place), sum(seen) // len(seen)) for place, seen in means if seen
            ]
        return self._means[key]

    def prices_on(self, day: date, commodity: int) -> list[int]:
        """The prices of one commodity in every market that wrote one down that day."""
        place = (day - FIRST_DAY).days
        return [price for market in MARKETS if (price := self.walks[market, commodity][place])]


class _Walks(dict[tuple[int, int], RandomWalk]):
    """Each is made when it is first asked for: all 2,350 take 0.2 s, which no start has to wait for."""

    def __missing__(self, place: tuple[int, int]) -> RandomWalk:
        market, commodity = MARKETS[place[0]], COMMODITIES[place[1]]
        self[place] = _draw_walk(market, commodity, _draw_silent_days(market))
        return self[place]


def build_prices() -> PriceData:
    """All prices of the city."""
    return PriceData(_Walks())


@cache
def _draw_silent_days(market: PanganMarket) -> frozenset[int]:
    def silent() -> Iterator[int]:
        draws = seeded_random("pangan", "silent", market.id)
        for place in range(DAYS):
            closed = market.id == SILENT_MARKET and FIRST_DAY + timedelta(days=place) >= SILENT_FROM
            if draws.random() < MARKET_SILENT_SHARE or closed:
                yield place

    return frozenset(silent())


def _draw_walk(market: PanganMarket, commodity: PanganCommodity, silent: frozenset[int]) -> RandomWalk:
    draws = seeded_random("pangan", market.id, commodity.id)
    if draws.random() < NOT_SOLD_SHARE:
        return array("l", [0] * DAYS)
    level = draws.randint(930, 1080) - (120 if market.wholesale else 0)
    # Pulled back to its level by a fiftieth a day, so that no price runs away within the year.
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

"""The kelurahan of the city, from the graph, which people choose by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from starlette.requests import Request

from auth.oidc.page_session import SignedInSession
from web.pages.internal_client import InternalClient

_KEEP_SECONDS: Final = 3600.0
_MAX_MATCHES: Final = 12
_OUTER_QUERY: Final = """\
query PlacesOnPage($city: RegionCode!) { regions(level: REGENCY, inside: $city, first: 100) { code } }
"""
_INNER_QUERY: Final = """\
{name}: regions(level: {level}, inside: "{code}", first: 100) {{ code name parentCode }}
"""


@dataclass(frozen=True, slots=True)
class ComplaintPlace:
    """A kelurahan."""

    code: str
    label: str
    """Its name and its kecamatan: several kelurahan may have one name."""


class Places:
    """The kelurahan, read as the person who needs them first, and kept for an hour, because they are public."""

    def __init__(self, client: InternalClient, city: str, clock: Callable[[], float] = monotonic) -> None:
        """`city` is the code of the region that the city is: a province or a regency."""
        self._client = client
        self._city = city
        self._clock = clock
        self._places: Sequence[ComplaintPlace] = ()
        self._until = 0.0

    async def load(self, request: Request, session: SignedInSession) -> Sequence[ComplaintPlace]:
        """All kelurahan, by name; none if they cannot be read. Raises `PageProblem`."""
        if self._clock() >= self._until:
            places = await self._read(request, session)
            if not places:
                return ()
            self._places, self._until = places, self._clock() + _KEEP_SECONDS
        return self._places

    async def _read(self, request: Request, session: SignedInSession) -> Sequence[ComplaintPlace]:
        answer = await self._client.execute(request, session, _OUTER_QUERY, {"city": self._city})
        parts = [each["code"] for each in (answer.get("data") or {}).get("regions") or ()] or [self._city]
        fields = [
            _INNER_QUERY.format(name=f"{level.lower()}{number}", level=level, code=each)
            for number, each in enumerate(parts)
            for level in ("DISTRICT", "VILLAGE")
        ]
        answer = await self._client.execute(request, session, f"query KelurahanOnPage {{ {''.join(fields)} }}")
        found: Mapping[str, Any] = answer.get("data") or {}
        regions = [(name.startswith("village"), each) for name, some in found.items() for each in some or ()]
        districts = {each["code"]: each["name"] for is_village, each in regions if not is_village}
        places = {
            each["code"]: ComplaintPlace(each["code"], f"{each['name']}, {districts.get(each['parentCode'], '')}")
            for is_village, each in regions
            if is_village
        }
        return sorted(places.values(), key=lambda each: each.label)


def find_places(places: Sequence[ComplaintPlace], text: str) -> Sequence[ComplaintPlace]:
    """The places that a text names: the one with this label or code, else those whose label holds its words."""
    wanted = text.casefold()
    exact = [each for each in places if wanted in {each.label.casefold(), each.code}]
    if exact or not wanted:
        return exact
    parts = wanted.replace(",", " ").split()
    return [each for each in places if all(part in each.label.casefold() for part in parts)][:_MAX_MATCHES]

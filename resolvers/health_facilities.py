"""Health facilities: the domain protocol and its batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.batch import forward
from records.calls.answers import Answers
from records.calls.call import Call
from records.health_facilities import HealthFacility
from records.regions import PlaceQuery
from resolvers.caching import PUBLIC


class HealthFacilities(Protocol):
    """The domain of health facilities. A manifest binds an agency to it."""

    async def health_facilities(self, codes: Sequence[str], call: Call) -> Answers[str, HealthFacility]:
        """Facilities by code."""

    async def health_facility_lists(
        self, queries: Sequence[PlaceQuery], call: Call
    ) -> Answers[PlaceQuery, Sequence[HealthFacility]]:
        """Pages of health facilities, by text and place."""


health_facilities = forward(HealthFacilities, HealthFacilities.health_facilities, caching=PUBLIC)
health_facility_lists = forward(HealthFacilities, HealthFacilities.health_facility_lists, absent=(), caching=PUBLIC)

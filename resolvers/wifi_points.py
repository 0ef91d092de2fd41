"""Public Wi-Fi: the domain protocol and its batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.batch import forward
from records.calls.answers import Answers
from records.calls.call import Call
from records.regions import PlaceQuery
from records.wifi_points import WifiPoint
from resolvers.caching import PUBLIC


class WifiPoints(Protocol):
    """The domain of public Wi-Fi points. A manifest binds an agency to it."""

    async def wifi_points(self, ids: Sequence[str], call: Call) -> Answers[str, WifiPoint]:
        """Wi-Fi points by identifier."""

    async def wifi_point_lists(
        self, queries: Sequence[PlaceQuery], call: Call
    ) -> Answers[PlaceQuery, Sequence[WifiPoint]]:
        """Pages of public Wi-Fi points, by text and place."""


wifi_points = forward(WifiPoints, WifiPoints.wifi_points, caching=PUBLIC)
wifi_point_lists = forward(WifiPoints, WifiPoints.wifi_point_lists, absent=(), caching=PUBLIC)

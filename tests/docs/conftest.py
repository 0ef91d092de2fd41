"""The hub and the city of the journeys, for the examples of the documentation."""

from tests.journeys.conftest import city, city_snapshots, hub, hub_folder, issuer, state_url

__all__ = ["city", "city_snapshots", "hub", "hub_folder", "issuer", "state_url"]

"""The hub and the city of the journeys, for the examples of the documentation."""

from tests.journeys.conftest import city, hub, hub_folder, issuer, state_url

__all__ = ["city", "hub", "hub_folder", "issuer", "state_url"]

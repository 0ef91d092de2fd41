"""The hub and the city of the journeys, which the examples of the documentation are held against."""

from tests.journeys.conftest import city, hub, hub_folder, issuer, state_url

__all__ = ["city", "hub", "hub_folder", "issuer", "state_url"]

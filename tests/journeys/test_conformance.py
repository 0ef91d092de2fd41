import pytest

from tests.journeys.hub import HubClient
from tests.web.audits import run_audits


@pytest.mark.optional_programs
async def test_every_audit_of_graphql_over_http_passes_on_the_hub_itself(hub: HubClient) -> None:
    assert await run_audits(f"{hub.url}/graphql") == []

import pytest

from tests.journeys.hub import Hub
from tests.web.audits import failed_audits


@pytest.mark.optional_programs
async def test_every_audit_of_graphql_over_http_passes_on_the_hub_itself(hub: Hub) -> None:
    assert await failed_audits(f"{hub.url}/graphql") == []

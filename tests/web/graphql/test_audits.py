import pytest

from tests.web.audits import run_audits
from tests.web.conftest import GraphServer


@pytest.mark.optional_programs
async def test_every_audit_passes(hub: GraphServer) -> None:
    assert await run_audits(f"{hub.url}/graphql") == []

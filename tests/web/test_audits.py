import pytest

from tests.web.audits import failed_audits
from tests.web.conftest import Hub


@pytest.mark.optional_programs
async def test_every_audit_passes(hub: Hub) -> None:
    assert await failed_audits(f"{hub.url}/graphql") == []

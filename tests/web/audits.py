"""The audits of npm `graphql-http` (GraphQL over HTTP conformance), run against a running server."""

import asyncio
import json

from tests.plugins.optional_programs import node_packages, program_or_skip
from tests.web.conftest import ROOT

AUDITS = 61
"""Number of audits in the pinned version; fewer would mean that some did not run."""


async def run_audits(url: str) -> list[str]:
    """The failed audits of an endpoint; skips the test without node or the npm packages."""
    node_packages()
    process = await asyncio.create_subprocess_exec(
        program_or_skip("node"),
        str(ROOT / "tests" / "web" / "audit.mjs"),
        url,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, error = await process.communicate()
    assert process.returncode == 0, error.decode()
    results = json.loads(out)
    assert len(results) == AUDITS
    return [f"{each['id']} {each['name']}: {each['reason']}" for each in results if each["status"] != "ok"]

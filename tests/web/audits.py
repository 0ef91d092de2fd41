"""The audits of npm `graphql-http` (GraphQL over HTTP conformance), run against a running server."""

import asyncio
import json
import shutil

import pytest

from tests.web.conftest import ROOT

AUDITS = 61
"""How many audits the pinned version has; fewer would mean that some did not run."""


async def failed_audits(url: str) -> list[str]:
    """What the audits find wrong at an endpoint; skips where node or the npm packages are missing."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    if not (ROOT / "node_modules" / "graphql-http").is_dir():
        pytest.skip("npm packages are not installed; run make with npm")
    process = await asyncio.create_subprocess_exec(
        node,
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

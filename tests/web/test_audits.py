"""The audits of npm `graphql-http` (GraphQL over HTTP conformance), run against the running server."""

import asyncio
import json
import shutil

import pytest

from tests.web.conftest import ROOT, Hub

NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="node is not installed")
@pytest.mark.skipif(
    not (ROOT / "node_modules" / "graphql-http").is_dir(), reason="npm packages are not installed; run make with npm"
)
async def test_every_audit_passes(hub: Hub) -> None:
    assert NODE is not None
    process = await asyncio.create_subprocess_exec(
        NODE,
        str(ROOT / "tests" / "web" / "audit.mjs"),
        f"{hub.url}/graphql",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, error = await process.communicate()
    assert process.returncode == 0, error.decode()
    results = json.loads(out)
    assert len(results) == 61, "the pinned version has 61 audits"
    assert [f"{each['id']} {each['name']}: {each['reason']}" for each in results if each["status"] != "ok"] == []

"""A hub in development serves the project's documentation as text, and no other file."""

from collections.abc import AsyncIterator

import pytest

from tests.web.conftest import ROOT, GraphServer, serve_application
from web.pages.project_docs import DOCS_START
from web.settings import WebSettings


@pytest.fixture(scope="module")
async def development_hub() -> AsyncIterator[GraphServer]:
    async with serve_application(WebSettings(development=True)) as running:
        yield running


async def test_the_first_page_for_frontends_is_served_as_text(development_hub: GraphServer) -> None:
    answer = await development_hub.get(DOCS_START)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert answer.body == (ROOT / "docs" / "frontend" / "README.md").read_bytes()
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/docs/",
        "/docs/frontend",
        "/docs/frontend/examples/1_me.graphql",
        "/docs/../README.md",
        "/docs/%2e%2e/README.md",
        "/docs/..%2fpyproject.toml",
        "/docs//etc/passwd",
    ],
)
async def test_nothing_else_is_served(development_hub: GraphServer, path: str) -> None:
    assert (await development_hub.get(path)).status == 404


async def test_outside_development_there_is_no_documentation(hub: GraphServer) -> None:
    assert (await hub.get(DOCS_START)).status == 404

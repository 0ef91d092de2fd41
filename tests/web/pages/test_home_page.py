"""`/` tells a visitor what this hub offers; a browser at an unknown path gets a page, and every other client JSON."""

from collections.abc import AsyncIterator

import pytest

from tests.web.conftest import GraphServer, serve_application
from web.pages.home_page import HomePage
from web.pages.page_renderer import PAGE_POLICY, PageLinks, PageRenderer
from web.settings import WebSettings

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture(scope="module")
async def hub() -> AsyncIterator[GraphServer]:
    """A hub with a status page and GraphiQL, where people cannot sign in."""
    pages = PageRenderer(PageLinks(status=True, graphiql=True))
    async with serve_application(WebSettings(), endpoints=[pages, HomePage(pages)], pages=pages) as running:
        yield running


async def test_the_page_links_to_what_the_hub_has_and_to_nothing_else(hub: GraphServer) -> None:
    answer = await hub.get("/", params={"lang": "en"})
    page = answer.body.decode()
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["Content-Security-Policy"] == PAGE_POLICY
    for part in (
        "<h1>Simpul, the city&#39;s data hub</h1>",
        "You are a visitor: this hub has no pages to sign in to.",
        '<a href="/?lang=en" aria-current="page">Home</a>',
        '<a href="/status?lang=en">Status</a>',
        '<a href="/graphiql">GraphiQL</a>',
    ):
        assert part in page
    for part in ("/consents", "/my-data", "/sign-in", "sandbox", "<script"):
        assert part not in page


@pytest.mark.parametrize(
    ("links", "parts"),
    [
        (PageLinks(), ()),
        (PageLinks(sign_in=True), ("/sign-in?lang=id", "/consents?lang=id")),
        (PageLinks(sign_in=True, sandbox=True), ("/sign-in?lang=id", "lingkungan uji coba")),
        (PageLinks(status=True), ("/status?lang=id",)),
        (PageLinks(graphiql=True), ("/graphiql",)),
    ],
)
async def test_each_link_depends_on_the_hub(links: PageLinks, parts: tuple[str, ...]) -> None:
    every = {"/sign-in?lang=id", "/consents?lang=id", "lingkungan uji coba", "/status?lang=id", "/graphiql"}
    pages = PageRenderer(links)
    async with serve_application(WebSettings(), endpoints=[pages, HomePage(pages)], pages=pages) as hub:
        page = (await hub.get("/", params={"lang": "id"})).body.decode()
    assert {part for part in every if part in page} >= set(parts)
    if not links.sign_in:
        assert not {part for part in every if part in page} - set(parts)


async def test_the_language_is_the_browsers_or_the_chosen_one(hub: GraphServer) -> None:
    english = await hub.get("/", Accept_Language="en-GB,en;q=0.8")
    indonesian = await hub.get("/")
    assert [answer.headers["Content-Language"] for answer in (english, indonesian)] == ["en", "id"]
    assert "<h1>Simpul, pusat data kota</h1>" in indonesian.body.decode()
    assert '<a href="/?lang=en" lang="en" hreflang="en">English</a>' in indonesian.body.decode()


@pytest.mark.parametrize("path", ["/nowhere", "/graphql/", "/.env"])
async def test_a_browser_gets_a_page_for_an_unknown_path(hub: GraphServer, path: str) -> None:
    answer = await hub.get(path, Accept=BROWSER, Accept_Language="en")
    assert (answer.status, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert answer.headers["Content-Security-Policy"] == PAGE_POLICY
    assert answer.headers["Cache-Control"] == "no-store"
    assert "<h1>Page not found</h1>" in answer.body.decode()
    assert '<a href="/">Home</a>' in answer.body.decode()


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "application/graphql-response+json", "text/html;q=0", ""]
)
async def test_every_other_client_gets_json_for_an_unknown_path(hub: GraphServer, accept: str) -> None:
    answer = await hub.get("/nowhere", Accept=accept)
    assert (answer.status, answer.headers["Content-Type"]) == (404, "application/json; charset=utf-8")
    assert answer.code == "NOT_FOUND"


@pytest.mark.parametrize("path", ["/%3Cscript%3Ealert(1)%3C/script%3E", "//evil.example", "//evil.example/%2e%2e"])
async def test_the_page_of_an_unknown_path_has_nothing_of_the_address(hub: GraphServer, path: str) -> None:
    reader, writer = await hub.connect()
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {BROWSER}\r\nConnection: close\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    assert answer.startswith("HTTP/1.1 404 ")
    assert "Halaman" in answer
    assert "evil" not in answer
    assert "script" not in answer.partition("\r\n\r\n")[2]

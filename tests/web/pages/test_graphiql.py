import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.plugins.optional_programs import page_packages
from tests.web.conftest import EXAMPLES, GraphServer, serve_application
from web.pages.graphiql import SamplePerson, load_examples
from web.pages.page_renderer import PageLinks, PageRenderer
from web.settings import Exposure, WebSettings


@pytest.fixture(scope="session")
async def bare_hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[GraphServer]:
    """A development hub where npm was missing at set-up."""
    nowhere = tmp_path_factory.mktemp("nothing")
    settings = WebSettings(
        graphiql=Exposure.ON, graphiql_packages=nowhere, graphiql_examples=nowhere / "none", development=True
    )
    async with serve_application(settings) as running:
        yield running


@pytest.mark.optional_programs
async def test_the_page_loads_from_this_server_alone(hub: GraphServer) -> None:
    page_packages()
    answer = await hub.get("/graphiql")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    page = answer.body.decode()
    addresses = [each for each in re.findall(r'(?:src|href)="([^"]+)"', page) if each != "/"]
    assert len(addresses) == 7
    assert all(address.startswith("/graphiql/assets/") or address == "data:," for address in addresses)
    assert "{{" not in page
    assert "<script>" not in page
    for address in addresses[1:]:
        asset = await hub.get(address)
        assert asset.status == 200
        assert asset.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert asset.headers["Content-Type"].startswith("text/css" if address.endswith(".css") else "text/javascript")


@pytest.mark.parametrize(
    "path",
    [
        "/graphiql/assets/0000000000000000/init.js",
        "/graphiql/assets/x/package.json",
        "/graphiql/assets/x/..%2f..%2f..%2fpyproject.toml",
        "/graphiql/assets/../../pyproject.toml",
        "/graphiql/assets/x/graphiql.min.js.map",
    ],
)
async def test_nothing_else_of_the_packages_or_the_disk_is_served(hub: GraphServer, path: str) -> None:
    assert (await hub.get(path)).status == 404


async def test_without_packages_the_page_says_what_to_do_and_the_rest_works(bare_hub: GraphServer) -> None:
    answer = await bare_hub.get("/graphiql")
    assert answer.status == 200
    page = answer.body.decode()
    assert "Install Node.js with npm." in page
    assert "{{" not in page
    assert (await bare_hub.post({"query": "{ whoAmI }"})).json == {"data": {"whoAmI": "anonymous"}}
    (style,) = re.findall(r'href="(/[^"]+)"', page)
    assert (await bare_hub.get(style)).status == 200


async def test_without_examples_there_are_none(bare_hub: GraphServer) -> None:
    assert (await bare_hub.get("/graphiql/examples.json")).json == []


async def test_where_graphiql_is_off_nothing_of_it_is_served() -> None:
    async with serve_application(WebSettings()) as hub:
        for path in ("/", "/graphiql", "/graphiql/examples.json", "/graphiql/people.json"):
            assert (await hub.get(path)).status == 404


async def test_sample_people_are_served_in_development_and_not_kept(bare_hub: GraphServer) -> None:
    answer = await bare_hub.get("/graphiql/people.json")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json == [
        {
            "name": "Siti",
            "title": "citizen",
            "description": "Sees her own data.",
            "token": "token-of-siti",
            "is_registered_client": False,
        },
        {
            "name": "Pak Budi",
            "title": "official",
            "description": "Sees what officials see.",
            "token": "token-of-budi",
            "is_registered_client": False,
        },
        {
            "name": "Bank",
            "title": "partner",
            "description": "Runs registered operations.",
            "token": "token-of-bank",
            "is_registered_client": True,
        },
    ]


@pytest.mark.optional_programs
@pytest.mark.parametrize(("exposure", "token"), [(Exposure.ON, "optional"), (Exposure.SIGNED_IN, "needed")])
async def test_in_signed_in_mode_the_page_sends_nothing_without_a_token(exposure: Exposure, token: str) -> None:
    async with serve_application(WebSettings(graphiql=exposure, graphiql_packages=page_packages())) as hub:
        answer = await hub.get("/graphiql")
        assert answer.status == 200
        assert f'data-token="{token}"' in answer.body.decode()


async def test_without_sample_people_no_example_names_one_and_no_token_is_offered(hub: GraphServer) -> None:
    assert (await hub.get("/graphiql/people.json")).status == 404
    assert [each["person"] for each in (await hub.get("/graphiql/examples.json")).json] == [None, None]
    page = (await hub.get("/graphiql")).body.decode()
    assert 'data-people="no"' in page or "GraphiQL is not installed" in page
    assert "token-of" not in page


async def test_in_development_the_sandbox_adds_examples_and_each_has_its_person() -> None:
    settings = WebSettings(graphiql=Exposure.ON, graphiql_examples=EXAMPLES, development=True)
    async with serve_application(settings) as hub:
        examples = (await hub.get("/graphiql/examples.json")).json
    assert [(each["name"], each["person"]) for each in examples] == [
        ("1_who", "Pak Budi"),
        ("2_echo", None),
        ("1_partner", "Bank"),
    ]


@pytest.mark.optional_programs
async def test_the_page_links_to_the_pages_of_the_hub_and_in_development_to_the_documentation() -> None:
    page_packages()
    pages = PageRenderer(PageLinks(sign_in=True, status=True))
    for development, links in (
        (True, {"Home": "/", "Docs": "/docs/frontend/README.md", "Status": "/status", "Consents": "/consents"}),
        (False, {"Home": "/", "Status": "/status", "Consents": "/consents"}),
    ):
        settings = WebSettings(graphiql=Exposure.ON, graphiql_packages=page_packages(), development=development)
        async with serve_application(settings, pages=pages) as hub:
            page = (await hub.get("/graphiql")).body.decode()
        found = re.findall(r'<a href="([^"]+)">(\w+)</a>', page)
        assert {name: path for path, name in found} == links


def test_a_sample_person_does_not_show_the_token() -> None:
    person = SamplePerson(name="Siti", title="citizen", description="", token="secret")
    assert repr(person) == "<SamplePerson Siti, citizen>"


async def test_examples_are_listed_by_file_name_with_title_and_variables(hub: GraphServer) -> None:
    examples = (await hub.get("/graphiql/examples.json")).json
    assert [(each["name"], each["title"]) for each in examples] == [
        ("1_who", "The caller"),
        ("2_echo", "Say something and hear it again"),
    ]
    assert examples[0]["variables"] is None
    assert examples[1]["variables"] == '{"text": "halo"}\n'
    assert examples[1]["query"] == (EXAMPLES / "2_echo.graphql").read_text()


def test_an_example_without_a_comment_is_titled_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "plain.graphql").write_text("{ whoAmI }")
    assert load_examples(tmp_path)[0].title == "plain"

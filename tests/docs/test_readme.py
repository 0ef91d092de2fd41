"""The commands of the README give what it shows."""

import re
from pathlib import Path

import pytest

from scripts.fresh import README_DAY
from settings.city.folder import DEFAULT_CITY, load_city
from tests.docs.pages import ROOT, find_examples, find_pages, read_pages
from tests.journeys.hub import HubClient, RunningCity

(FIRST,) = (example for example in find_examples() if example.page == "README.md")


async def test_the_first_query_has_the_answer_in_the_readme(hub: HubClient) -> None:
    answer = await hub.ask(FIRST.query, caller=FIRST.caller)

    assert answer.status == 200
    assert answer.body == FIRST.answer


async def test_the_first_query_asks_five_agencies(hub: HubClient, city: RunningCity) -> None:
    city.reset_calls()

    await hub.ask(FIRST.query, caller=FIRST.caller)

    called = set(city.calls()) | (set() if city.counts_msmes else {"jakpreneur"})
    assert called == {"dukcapil", "jakpreneur", "pbb", "crm", "pangan"}


def test_the_command_sends_the_query_in_the_readme() -> None:
    (file,) = re.findall(r"--data-urlencode query@(\S+)", read_pages("README.md"))
    assert (ROOT / file).read_text(encoding="utf-8") == FIRST.query


def test_the_readme_names_the_day_of_its_answer() -> None:
    assert f"The answer on {README_DAY} " in read_pages("README.md")


@pytest.mark.parametrize("picture", sorted((ROOT / "docs" / "pictures").iterdir()), ids=lambda path: path.name)
def test_a_picture_is_small_and_shown_on_a_page(picture: Path) -> None:
    assert picture.stat().st_size < 200_000
    assert any(f"pictures/{picture.name})" in path.read_text(encoding="utf-8") for path in find_pages())


def test_the_pages_for_a_first_look_name_each_agency_of_the_city_by_its_driver() -> None:
    drivers = {code: each.manifest.wire.driver for code, each in load_city(DEFAULT_CITY).agencies.items()}
    rows = re.findall(r'<g id="(\w+)">(.*?)</g>', read_pages("docs/pictures/city.svg"), flags=re.DOTALL)
    shown = {
        code: driver
        for driver, row in rows
        for line in re.findall(r'class="code"[^>]*>([^<]*)<', row)
        for code in line.strip(",").split(", ")
    }
    assert shown == drivers
    assert f"[{len(drivers)} sources]" in read_pages("README.md")
    assert [code for code in drivers if f"`{code}`" not in read_pages("docs/agencies/README.md")] == []


def test_the_readme_names_the_licence_of_the_data() -> None:
    assert "Open Database License" in read_pages("README.md")
